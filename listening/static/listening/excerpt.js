/** Which part of a recording is heard: two ends to drag on its waveform, listening to it, and a suggestion. */

const SHORTEST = 0.5;
const STEPS = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1 };

/** @type {Excerpt | null} */
let playing = null;

class Excerpt {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.seconds = Number(element.dataset.seconds);
    this.longest = Math.min(Number(element.dataset.longest), this.seconds);
    this.pictures = element.querySelector(".pictures");
    this.from = /** @type {HTMLInputElement | null} */ (element.querySelector(".edge.from"));
    this.to = /** @type {HTMLInputElement | null} */ (element.querySelector(".edge.to"));
    this.listen = /** @type {HTMLButtonElement} */ (element.querySelector(".listen"));
    this.said = element.querySelector("[role=status]");
    this.form = /** @type {HTMLFormElement} */ (document.getElementById(element.dataset.form));
    this.start = Number(element.dataset.start);
    this.length = Number(element.dataset.length);

    this.widen();
    this.listen.hidden = false;
    this.listen.addEventListener("click", () => (playing === this ? this.stop() : this.play()));
    if (this.from && this.to) this.change();
  }

  /** A minute fills the window; a longer recording is scrolled, to the excerpt at first. */
  widen() {
    this.window = /** @type {HTMLElement} */ (this.element.querySelector(".window"));
    const minutes = this.seconds / 60;
    if (minutes <= 1) return;
    this.pictures.style.width = `calc(${100 * minutes}% - 24px)`;
    if (!this.from) this.window.tabIndex = 0; // nothing in it takes the keyboard's focus
    this.reveal();
  }

  /** Scroll to the excerpt. */
  reveal() {
    const middle = (this.start + this.length / 2) / this.seconds;
    this.window.scrollLeft = middle * this.window.scrollWidth - this.window.clientWidth / 2;
  }

  /** Where the excerpt may be changed. */
  change() {
    const number = (name) => /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
    this.fields = { start: number("start"), length: number("length") };
    for (const field of Object.values(this.fields)) {
      field.addEventListener("input", () => {
        const [start, length] = [this.fields.start.valueAsNumber, this.fields.length.valueAsNumber];
        if (!(start >= 0 && length > 0)) return;
        this.set(start, length, false);
        this.reveal();
      });
    }
    this.from.hidden = this.to.hidden = false;
    this.from.addEventListener("input", () => this.moveStart(this.from.valueAsNumber));
    this.to.addEventListener("input", () => this.moveEnd(this.to.valueAsNumber));
    for (const edge of [this.from, this.to]) edge.addEventListener("keydown", (event) => this.step(edge, event));
    this.dragWhole();
    this.element.querySelector(".suggest").addEventListener("click", (event) => {
      event.preventDefault(); // without a script it sends the form
      this.suggest();
    });
    this.form.addEventListener("input", () => this.unsaved());
    this.show();
  }

  /** The other end stays, as far as the longest excerpt allows. @param {number} start */
  moveStart(start) {
    const end = this.start + this.length;
    const first = Math.min(start, this.seconds - SHORTEST);
    this.set(first, Math.min(Math.max(end - first, SHORTEST), this.longest));
  }

  /** @param {number} end */
  moveEnd(end) {
    const last = Math.max(end, SHORTEST);
    const length = Math.min(Math.max(last - this.start, SHORTEST), this.longest);
    this.set(last - length, length);
  }

  /**
   * @param {number} start
   * @param {number} length
   * @param {boolean} write into the form's fields, from which it comes otherwise
   */
  set(start, length, write = true) {
    this.stop();
    this.start = Math.max(0, start);
    this.length = length;
    if (write) {
      // Rounded down, so that start and length together stay within the file.
      this.fields.start.value = String(Math.floor(this.start * 1000) / 1000);
      this.fields.length.value = String(Math.floor(this.length * 1000 + 1e-6) / 1000);
      this.unsaved();
    }
    this.show();
  }

  show() {
    const end = Math.min(this.start + this.length, this.seconds);
    const [from, to] = [(100 * this.start) / this.seconds, (100 * end) / this.seconds];
    this.pictures.querySelector(".before").setAttribute("width", String(from));
    this.pictures.querySelector(".after").setAttribute("x", String(to));
    const chosen = /** @type {HTMLElement} */ (this.pictures.querySelector(".chosen"));
    chosen.style.left = `${from}%`;
    chosen.style.width = `${to - from}%`;
    this.element.querySelector(".heard").textContent = `${this.start.toFixed(2)} to ${end.toFixed(2)} s, ${(end - this.start).toFixed(2)} s long`;
    for (const [edge, value] of /** @type {const} */ ([[this.from, this.start], [this.to, end]])) {
      edge.valueAsNumber = value;
      edge.setAttribute("aria-valuetext", `${value.toFixed(2)} seconds`);
    }
  }

  unsaved() {
    this.element.closest(".clip").classList.add("changed");
  }

  /** Keys move by a tenth of a second, with Shift by a hundredth, by page keys a second. */
  step(edge, event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const by = event.shiftKey ? step / 10 : step;
    if (edge === this.from) this.moveStart(Math.max(0, this.start + by));
    else this.moveEnd(Math.min(this.seconds, this.start + this.length + by));
    this.reveal();
  }

  /** The part between both ends moves as a whole. */
  dragWhole() {
    const chosen = this.pictures.querySelector(".chosen");
    chosen.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      chosen.setPointerCapture(event.pointerId);
      const [start, x, width] = [this.start, event.clientX, this.pictures.clientWidth];
      const move = (/** @type {PointerEvent} */ moved) => {
        const wanted = start + ((moved.clientX - x) / width) * this.seconds;
        this.set(Math.min(Math.max(0, wanted), this.seconds - this.length), this.length);
      };
      chosen.addEventListener("pointermove", move);
      for (const type of ["pointerup", "pointercancel"]) {
        chosen.addEventListener(type, () => chosen.removeEventListener("pointermove", move), { once: true });
      }
    });
  }

  async suggest() {
    try {
      const response = await fetch(`${this.element.dataset.suggestUrl}?length=${this.length}`, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      const { start } = await response.json();
      this.set(start, Math.min(this.length, this.seconds - start));
      this.reveal();
      this.said.textContent = `Suggested: from ${start.toFixed(2)} s, where it is densest and changes most. Listen, then save.`;
    } catch {
      this.said.textContent = "The server gave no suggestion. Is the line there? Try again.";
    }
  }

  async play() {
    playing?.stop();
    playing = this;
    this.listen.textContent = "■ Stop";
    this.audio = new Audio(`${this.element.dataset.excerptUrl}?start=${this.start}&length=${this.length}`);
    this.audio.addEventListener("ended", () => this.stop());
    const head = /** @type {HTMLElement} */ (this.pictures.querySelector(".playhead"));
    const { audio, start } = this;
    const draw = () => {
      if (this.audio !== audio) return;
      head.style.left = `${(100 * (start + audio.currentTime)) / this.seconds}%`;
      head.hidden = false;
      requestAnimationFrame(draw);
    };
    try {
      await audio.play();
      this.said.textContent = "";
      draw();
    } catch (error) {
      if (this.audio !== audio) return; // stopped before it began
      this.stop();
      this.said.textContent = `It can't be played (${error.message}).`;
    }
  }

  stop() {
    if (playing === this) playing = null;
    this.audio?.pause();
    this.audio = undefined;
    this.listen.textContent = "▶ Listen to the excerpt";
    /** @type {HTMLElement} */ (this.pictures.querySelector(".playhead")).hidden = true;
  }
}

/** @param {HTMLElement} element of one clip */
export function startExcerpt(element) {
  new Excerpt(element);
}
