/** How much has come and how long the rest takes, in words: only where the line is slow, since else nobody can read it. */

import { gettext, interpolate, number } from "./i18n.js";

const EARLY = 1500; // ms before the line is judged
const SHORT = 5; // seconds that are not worth words

export class LoadingLine {
  #begun = performance.now();
  #slow = false;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    element.textContent = "";
  }

  /** @param {number} loaded bytes @param {number} total bytes, as far as is known */
  show(loaded, total) {
    const passed = performance.now() - this.#begun;
    if (passed < EARLY || !loaded) return;
    const left = ((total - loaded) / loaded) * (passed / 1000);
    this.#slow ||= left >= SHORT;
    if (this.#slow) this.element.textContent = `${amount(loaded, total)} ${time(left)}`;
  }
}

/** @param {number} loaded @param {number} total */
function amount(loaded, total) {
  const [of, all] = [loaded, total].map((bytes) => number(bytes / 1e6, 1));
  return interpolate(gettext("%(loaded)s of %(total)s MB."), { loaded: of, total: all });
}

/** @param {number} left seconds */
function time(left) {
  if (left >= 90) {
    return interpolate(gettext("About %(minutes)s min left."), { minutes: number(Math.round(left / 60)) });
  }
  return interpolate(gettext("About %(seconds)s s left."), { seconds: number(Math.max(1, Math.ceil(left / 5) * 5)) });
}
