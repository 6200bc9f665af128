/** A score typed digit by digit: 7 3 is 73. */

import { HIGHEST } from "./scale.js";

const PATIENCE = 1000; // ms that a score which could go on waits for its next digit

export class TypedScore {
  #digits = "";
  /** @type {number | undefined} */ #timer;

  /**
   * @param {(digits: string) => void} onecho what is typed so far, "" when it is over
   * @param {(score: number) => void} onscore
   */
  constructor(onecho, onscore) {
    this.onecho = onecho;
    this.onscore = onscore;
  }

  /** Whether a score is being typed. */
  get open() {
    return this.#digits !== "";
  }

  /** @param {string} digit */
  add(digit) {
    const digits = this.#digits + digit;
    if (Number(digits) > HIGHEST) return; // only 100 has three digits: another third one is a slip
    this.#digits = digits;
    this.onecho(digits);
    clearTimeout(this.#timer);
    if (digits.length === 3 || (digits.length === 2 && digits !== "10")) this.finish();
    else this.#timer = setTimeout(() => this.finish(), PATIENCE);
  }

  /** Take what is there. */
  finish() {
    if (!this.open) return;
    const score = Number(this.#digits);
    this.cancel();
    this.onscore(score);
  }

  /** Forget what is there. */
  cancel() {
    clearTimeout(this.#timer);
    this.#digits = "";
    this.onecho("");
  }
}
