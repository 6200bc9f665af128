/** The quality scale: 0 to 100 in five bands, and the keys that move along it. */

import { gettext } from "./i18n.js";

const WORDS = [gettext("Bad"), gettext("Poor"), gettext("Fair"), gettext("Good"), gettext("Excellent")];
export const NOT_RATED = gettext("not rated");
export const HIGHEST = 100;
export const MIDDLE = 50;

/** @param {number} score @returns {number} of its band, 0 for the worst */
export function bandOf(score) {
  return Math.min(Math.floor(score / 20), 4);
}

/** @param {number} score @returns {string} the word of its band */
export function wordOf(score) {
  return WORDS[bandOf(score)];
}

/** @param {number} score @returns {number} the nearest one on the scale */
export function onScale(score) {
  return Math.min(HIGHEST, Math.max(0, score));
}

/**
 * Score that a key asks for, or null. The same keys, whichever way a slider lies; on one that lies mirrored, right to
 * left, the arrows still go where they point.
 * @param {KeyboardEvent} event
 * @param {number} from the score as it is
 * @returns {number | null}
 */
export function scoreByKey(event, from) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  const right = isMirrored(event.target) ? -1 : 1;
  const to = {
    ArrowUp: from + 1,
    ArrowRight: from + right,
    ArrowDown: from - 1,
    ArrowLeft: from - right,
    PageUp: from + 10,
    PageDown: from - 10,
    Home: 0,
    End: HIGHEST,
  }[event.key];
  return to === undefined ? null : onScale(to);
}

/** @param {Element} element */
function isMirrored(element) {
  const { direction, writingMode } = getComputedStyle(element);
  return direction === "rtl" && writingMode === "horizontal-tb";
}
