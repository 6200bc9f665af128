/** The reference's waveform, the passage that is heard, and where the sound is. */

import { gettext, interpolate, number } from "./i18n.js";

const STEP = 0.1;
const BIG_STEP = 1;

export class Timeline {
  #start = 0;
  #end;
  /** @type {[number, number][]} */ #peaks = [];

  /**
   * @param {HTMLElement} element
   * @param {import("./wav.js").Sound} reference
   * @param {object} options
   * @param {number} options.shortest seconds of the shortest passage
   * @param {(start: number, end: number) => void} options.onpassage
   * @param {(seconds: number) => void} options.onseek
   */
  constructor(element, reference, { shortest, onpassage, onseek }) {
    this.element = element;
    this.reference = reference;
    this.seconds = reference.frames / reference.rate;
    this.shortest = Math.min(shortest, this.seconds);
    this.onpassage = onpassage;
    this.onseek = onseek;
    this.#end = this.seconds;
    this.canvas = element.querySelector("canvas");
    this.playhead = element.querySelector(".playhead");
    this.#wireHandle(element.querySelector(".handle.start"), "start");
    this.#wireHandle(element.querySelector(".handle.end"), "end");
    element.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && !event.target.closest(".handle, button")) this.onseek(this.#timeAt(event.clientX));
    });
    new ResizeObserver(() => this.#draw()).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.setPassage(0, this.seconds);
  }

  /** Show a passage, without telling `onpassage`. @param {number} start @param {number} end */
  setPassage(start, end) {
    this.#start = start;
    this.#end = end;
    this.element.style.setProperty("--start", String(start / this.seconds));
    this.element.style.setProperty("--end", String(end / this.seconds));
    this.#describe(this.element.querySelector(".handle.start"), start, 0, end - this.shortest);
    this.#describe(this.element.querySelector(".handle.end"), end, start + this.shortest, this.seconds);
  }

  /** @param {number} seconds */
  setPosition(seconds) {
    this.playhead.style.setProperty("--at", String(seconds / this.seconds));
  }

  /** @param {HTMLElement} handle @param {"start" | "end"} which */
  #wireHandle(handle, which) {
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
      handle.focus();
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) this.#move(which, this.#timeAt(event.clientX));
    });
    handle.addEventListener("lostpointercapture", () => this.onpassage(this.#start, this.#end));
    handle.addEventListener("keydown", (event) => {
      const from = which === "start" ? this.#start : this.#end;
      const to = {
        ArrowLeft: from - STEP,
        ArrowDown: from - STEP,
        ArrowRight: from + STEP,
        ArrowUp: from + STEP,
        PageDown: from - BIG_STEP,
        PageUp: from + BIG_STEP,
        Home: 0,
        End: this.seconds,
      }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#move(which, to);
      this.onpassage(this.#start, this.#end);
    });
  }

  /** @param {"start" | "end"} which @param {number} to */
  #move(which, to) {
    if (which === "start") this.setPassage(Math.max(0, Math.min(to, this.#end - this.shortest)), this.#end);
    else this.setPassage(this.#start, Math.min(this.seconds, Math.max(to, this.#start + this.shortest)));
  }

  /** @param {HTMLElement} handle @param {number} at @param {number} least @param {number} most */
  #describe(handle, at, least, most) {
    handle.setAttribute("aria-valuemin", least.toFixed(1));
    handle.setAttribute("aria-valuemax", most.toFixed(1));
    handle.setAttribute("aria-valuenow", at.toFixed(1));
    handle.setAttribute("aria-valuetext", interpolate(gettext("%(seconds)s seconds"), { seconds: number(at, 1) }));
  }

  /** @param {number} x @returns {number} seconds */
  #timeAt(x) {
    const box = this.element.getBoundingClientRect();
    return Math.min(1, Math.max(0, (x - box.left) / box.width)) * this.seconds;
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    if (this.#peaks.length !== this.canvas.width) this.#peaks = peaksOf(this.reference, this.canvas.width);
    const top = Math.max(...this.#peaks.map(([low, high]) => Math.max(-low, high)), 1);
    const context = this.canvas.getContext("2d");
    context.fillStyle = getComputedStyle(this.element).color;
    const middle = this.canvas.height / 2;
    this.#peaks.forEach(([low, high], x) => {
      const up = (high / top) * middle * 0.9;
      const down = (-low / top) * middle * 0.9;
      context.fillRect(x, middle - Math.max(up, scale / 2), 1, Math.max(up, scale / 2) + Math.max(down, scale / 2));
    });
  }
}

/**
 * Lowest and highest sample of each column.
 * @param {import("./wav.js").Sound} sound
 * @param {number} columns
 * @returns {[number, number][]}
 */
function peaksOf(sound, columns) {
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * sound.frames) / columns) * sound.channels;
    const to = Math.max(Math.floor(((column + 1) * sound.frames) / columns) * sound.channels, from + 1);
    let low = 0;
    let high = 0;
    for (let i = from; i < to; i++) {
      if (sound.samples[i] < low) low = sound.samples[i];
      else if (sound.samples[i] > high) high = sound.samples[i];
    }
    return [low, high];
  });
}
