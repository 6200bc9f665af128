/** A slider of the quality scale that is unset until the rater sets it. */

import { gettext } from "./i18n.js";

const WORDS = [gettext("Bad"), gettext("Poor"), gettext("Fair"), gettext("Good"), gettext("Excellent")];
const NOT_RATED = gettext("not rated");

/** @param {number} score @returns {string} the word of its band */
export function wordOf(score) {
  return WORDS[Math.min(Math.floor(score / 20), 4)];
}

export class ScoreSlider {
  /** @type {number | null} */ #score = null;

  /**
   * @param {HTMLInputElement} input
   * @param {HTMLOutputElement} output
   * @param {(score: number, done: boolean) => void} onscore `done` when the slider is let go
   */
  constructor(input, output, onscore) {
    this.input = input;
    this.output = output;
    const take = (done) => {
      this.score = Number(input.value);
      onscore(this.#score, done);
    };
    input.addEventListener("input", () => take(false));
    input.addEventListener("change", () => take(true));
    // A click right on the middle moves nothing, so the browser tells of no input: it is a score all the same.
    input.addEventListener("click", () => this.#score === null && take(true));
    input.addEventListener("keydown", (event) => {
      const to = this.#target(event);
      if (to === null) return;
      event.preventDefault();
      input.value = String(to);
      take(true);
    });
  }

  get score() {
    return this.#score;
  }

  /** @param {number | null} score */
  set score(score) {
    this.#score = score;
    const unset = score === null;
    this.input.value = String(unset ? 50 : score);
    this.input.classList.toggle("unset", unset);
    this.input.setAttribute("aria-valuetext", unset ? NOT_RATED : `${score}, ${wordOf(score)}`);
    const [number, word] = this.output.children;
    number.textContent = unset ? "–" : String(score);
    word.textContent = unset ? NOT_RATED : wordOf(score);
    this.output.classList.toggle("unset", unset);
  }

  /** Score that a key asks for, or null. The same keys, whichever way the slider lies. @param {KeyboardEvent} event */
  #target(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return null;
    const from = Number(this.input.value);
    const to = {
      ArrowUp: from + 1,
      ArrowRight: from + 1,
      ArrowDown: from - 1,
      ArrowLeft: from - 1,
      PageUp: from + 10,
      PageDown: from - 10,
      Home: 0,
      End: 100,
      Enter: from,
    }[event.key];
    return to === undefined ? null : Math.min(100, Math.max(0, to));
  }
}
