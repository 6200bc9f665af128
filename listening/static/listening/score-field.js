/**
 * A field for a score of the quality scale as a number, unset until the rater sets it.
 *
 * It is used in the same way as `ScoreSlider`. What is written in it is taken as soon as it is a score; what is not is
 * said, and replaced by the last score when the field is left.
 */

import { gettext } from "./i18n.js";
import { onFinishing } from "./leaving.js";
import { HIGHEST, MIDDLE, NOT_RATED, bandOf, scoreByKey, wordOf } from "./scale.js";

const WRONG = gettext("0 to 100");

export class ScoreField {
  /** @type {number | null} */ #score = null;
  #held = false; // a key moves the score

  /**
   * @param {HTMLInputElement} input
   * @param {HTMLOutputElement} output
   * @param {(score: number, done: boolean) => void} onscore `done` when the field is left or the key is let go
   */
  constructor(input, output, onscore) {
    this.input = input;
    this.output = output;
    this.onscore = onscore;
    this.row = input.closest(".signal");
    input.addEventListener("input", () => this.#take(false));
    input.addEventListener("change", () => this.#take(true));
    input.addEventListener("blur", () => (this.score = this.#score));
    input.addEventListener("wheel", () => input.blur()); // it scrolls the page, and turns no score
    this.row.addEventListener("keydown", (event) => this.#key(event));
    this.row.addEventListener("keyup", () => this.#release());
    this.row.addEventListener("focusout", () => this.#release());
    onFinishing(() => this.#release());
  }

  get score() {
    return this.#score;
  }

  /** @param {number | null} score */
  set score(score) {
    this.#score = score;
    this.input.value = score === null ? "" : String(score);
    this.#show();
  }

  /** The focus goes to the sound's button: arrows rate it, and digits go on choosing sounds. */
  choose() {
    this.row.querySelector(".play").focus({ preventScroll: true });
  }

  /** Go to the field so that digits are its score. */
  type() {
    this.input.focus();
    this.input.select();
  }

  /** @param {boolean} done */
  #take(done) {
    const text = this.input.value.trim();
    const found = /^\d{1,3}$/.test(text) && Number(text) <= HIGHEST ? Number(text) : null;
    const wrong = found === null && (text !== "" || this.input.validity.badInput);
    this.#show(wrong);
    if (found === null || (found === this.#score && !done)) return;
    this.#score = found;
    this.#show();
    this.onscore(found, done);
  }

  /** @param {boolean} [wrong] */
  #show(wrong = false) {
    const [number, word] = this.output.children;
    number.textContent = "";
    word.textContent = wrong ? WRONG : this.#score === null ? NOT_RATED : wordOf(this.#score);
    this.input.setAttribute("aria-invalid", String(wrong));
    this.output.classList.toggle("wrong", wrong);
    this.output.classList.toggle("unset", this.#score === null);
    if (this.#score === null) delete this.row.dataset.band;
    else this.row.dataset.band = String(bandOf(this.#score));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const inField = event.target === this.input;
    if (!inField && !event.target.closest(".play")) return;
    if (inField && /^[\d]$/.test(event.key)) return event.stopPropagation(); // it is written, and plays nothing
    if (inField && event.key === "Escape") return this.choose();
    if (inField && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return; // the caret's
    if (inField && event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      return this.choose();
    }
    if (this.input.disabled) return;
    const to = scoreByKey(event, this.#score ?? MIDDLE);
    if (to === null) return;
    event.preventDefault();
    this.score = to;
    this.#held = true;
    this.onscore(to, false);
  }

  /** A key that moved the score is let go. */
  #release() {
    if (!this.#held) return;
    this.#held = false;
    this.onscore(this.#score, true);
  }
}
