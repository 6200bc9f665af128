/**
 * A slider of the quality scale that is unset until the rater sets it: by dragging, a click on its track, keys, or
 * digits.
 *
 * Digits choose sounds everywhere else on the page. On a slider they are a score where the rater went to the slider
 * for its own sake, with Tab or `type`; after a drag, or where `choose` brought the focus along with the sound, they
 * go on choosing sounds, so that no score is overwritten by who wants to hear the next one.
 */

import { digitOf } from "./keys.js";
import { onFinishing } from "./leaving.js";
import { MIDDLE, NOT_RATED, scoreByKey, wordOf } from "./scale.js";
import { TypedScore } from "./typed-score.js";

const SLIP = 8; // pixels that a finger must move along before it drags
const TAP = 500; // ms within which a tap brings the focus
const THUMB = 16; // pixels from the middle within which a finger lies on a thumb: browsers take less than that for no drag
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta"];

export class ScoreSlider {
  /** @type {number | null} */ #score = null;
  #types = false;
  #held = false; // a key moves the score
  #once = false; // digits are a score until one is taken
  /** @type {"" | "pointer" | "chosen"} what is about to bring the focus */ #bringing = "";
  /** @type {{x: number, y: number} | null} where a finger lies that may yet turn out to scroll the page */ #finger = null;

  /**
   * @param {HTMLInputElement} input
   * @param {HTMLOutputElement} output
   * @param {(score: number, done: boolean) => void} onscore `done` when the slider or the key is let go
   */
  constructor(input, output, onscore) {
    this.input = input;
    this.output = output;
    this.onscore = onscore;
    this.typed = new TypedScore(
      (digits) => this.#echo(digits),
      (score) => {
        if (this.#once) this.#listen(false);
        this.#set(score, true);
      },
    );
    input.addEventListener("input", () => this.#finger || this.#set(Number(input.value), false));
    input.addEventListener("change", () => this.#finger || this.#set(Number(input.value), true));
    // A click right on the middle moves nothing, so the browser tells of no input: it is a score all the same.
    input.addEventListener("click", () => this.#score === null && this.#set(Number(input.value), true));
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("focus", () => {
      this.#listen(this.#bringing === "");
      this.#bringing = "";
    });
    input.addEventListener("blur", () => {
      this.#finish();
      this.#listen(false);
    });
    input.addEventListener("keyup", () => this.#release());
    onFinishing(() => this.#finish());
    this.#wireFinger();
  }

  get score() {
    return this.#score;
  }

  /** @param {number | null} score */
  set score(score) {
    this.#score = score;
    const unset = score === null;
    this.input.value = String(unset ? MIDDLE : score);
    this.input.classList.toggle("unset", unset);
    this.input.setAttribute("aria-valuetext", unset ? NOT_RATED : `${score}, ${wordOf(score)}`);
    const [number, word] = this.output.children;
    if (!this.typed.open) number.textContent = unset ? "–" : String(score);
    word.textContent = unset ? NOT_RATED : wordOf(score);
    this.output.classList.toggle("unset", unset);
  }

  /** Bring the focus along with the sound that was chosen: arrows rate it, digits go on choosing sounds. */
  choose() {
    this.#bringing = "chosen";
    this.#listen(false);
    this.input.focus({ preventScroll: true });
    this.#bringing = "";
  }

  /** Go to the slider so that the digits that follow are its score; then they choose sounds again. */
  type() {
    this.#bringing = "";
    this.input.focus();
    this.#listen(document.activeElement === this.input, true);
  }

  /** Whether digits are a score. @param {boolean} on @param {boolean} [once] */
  #listen(on, once = false) {
    this.#types = on;
    this.#once = once;
    this.output.classList.toggle("types", on);
  }

  /** @param {number} score @param {boolean} done */
  #set(score, done) {
    this.score = score;
    this.onscore(score, done);
  }

  /** @param {string} digits */
  #echo(digits) {
    const number = this.output.firstElementChild;
    this.output.classList.toggle("typing", digits !== "");
    number.textContent = digits || (this.#score === null ? "–" : String(this.#score));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (MODIFIERS.includes(event.key)) return;
    const digit = digitOf(event);
    if (this.#types && digit !== null) {
      this.typed.add(digit);
    } else if (this.typed.open && event.key === "Escape") {
      this.typed.cancel();
    } else if (this.typed.open && event.key === "Enter") {
      this.typed.finish();
    } else {
      this.typed.finish();
      const from = Number(this.input.value);
      const to = event.key === "Enter" && !event.ctrlKey && !event.metaKey ? from : scoreByKey(event, from);
      if (to === null) return;
      this.#held = true;
      this.#set(to, false);
    }
    event.preventDefault();
  }

  /** A key that moved the score is let go. */
  #release() {
    if (!this.#held) return;
    this.#held = false;
    this.#set(this.#score, true);
  }

  /** Nothing stays half done. */
  #finish() {
    this.typed.finish();
    this.#release();
  }

  /**
   * In rows a finger on a slider may want to scroll the page: nothing is a score before it moved along the slider or
   * was lifted, and what the browser moved meanwhile goes back.
   */
  #wireFinger() {
    const { input } = this;
    input.addEventListener("pointerdown", (event) => {
      if (document.activeElement === input) this.#listen(false);
      else this.#bringing = "pointer";
      if (event.pointerType === "touch") this.#finger = { x: event.clientX, y: event.clientY };
    });
    input.addEventListener("pointermove", (event) => {
      if (!this.#finger) return;
      const upright = input.offsetHeight > input.offsetWidth;
      const way = upright ? event.clientY - this.#finger.y : event.clientX - this.#finger.x;
      if (Math.abs(way) >= SLIP) this.#lift(false);
    });
    input.addEventListener("pointerup", (event) => {
      if (this.#finger) this.#lift(true);
      // A finger on the thumb in the middle of an unset slider moves nothing, and not every browser makes a click of it.
      if (event.pointerType === "touch" && this.#score === null && this.#onThumb(event)) this.#set(MIDDLE, true);
      setTimeout(() => (this.#bringing = ""), TAP); // not every browser gives the focus to what is clicked
    });
    input.addEventListener("pointercancel", () => {
      this.#finger = null;
      this.#bringing = "";
      this.score = this.#score;
    });
  }

  /** Whether a finger lies where the thumb of an unset slider is. @param {PointerEvent} event */
  #onThumb({ clientX, clientY }) {
    const { left, top, width, height } = this.input.getBoundingClientRect();
    const upright = height > width;
    return Math.abs(upright ? clientY - (top + height / 2) : clientX - (left + width / 2)) <= THUMB;
  }

  /** Take what a finger moved while it was not known what it wants. @param {boolean} done */
  #lift(done) {
    this.#finger = null;
    const at = Number(this.input.value);
    if (at !== (this.#score ?? MIDDLE)) this.#set(at, done);
  }
}
