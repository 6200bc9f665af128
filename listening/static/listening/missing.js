/** What a page still wants before its rater may go on, in words. The server holds the same rules (`sessions.missing`). */

import { gettext, interpolate, ngettext, number } from "./i18n.js";

/**
 * @typedef {object} Rules
 * @property {number} share_heard of the clip, 0 to 1
 * @property {boolean} all_rated
 * @property {boolean} one_at_100
 * @property {boolean} only_playing
 * @property {number} least_seconds that the page stays
 */

/**
 * @param {{slot: number, score: number | null, enough: boolean}[]} slots `enough`: heard for long enough
 * @param {Rules} rules
 * @param {number} left seconds that the page must yet stay
 * @returns {string} "" where nothing is missing
 */
export function missing(slots, rules, left) {
  const unheard = slots.filter((slot) => !slot.enough).map((slot) => slot.slot);
  const unrated = slots.filter((slot) => rules.all_rated && slot.score === null).map((slot) => slot.slot);
  const best = rules.one_at_100 && slots.every((slot) => slot.score !== 100);
  return [
    unheard.length ? interpolate(gettext("Still to hear: %(sounds)s."), { sounds: inRuns(unheard) }) : "",
    unrated.length ? interpolate(gettext("Still to rate: %(sounds)s."), { sounds: inRuns(unrated) }) : "",
    unrated.length && rules.only_playing ? gettext("A sound can be rated once it plays.") : "",
    best && !unrated.length ? gettext("At least one sound must have 100.") : "",
    left > 0 ? atLeast(rules.least_seconds) : "",
  ]
    .filter(Boolean)
    .join(" ");
}

/** That nothing is missing. @param {{slot: number, score: number | null}[]} slots @returns {string} */
export function done(slots) {
  const unrated = slots.filter((slot) => slot.score === null).map((slot) => slot.slot);
  if (!unrated.length) return gettext("You have heard and rated every sound.");
  return interpolate(gettext("You can go on. Not rated: %(sounds)s."), { sounds: inRuns(unrated) });
}

/** The same words for as long as it lasts: a screen reader says them once. @param {number} seconds */
function atLeast(seconds) {
  const text = ngettext(
    "This page stays for at least %(seconds)s second.",
    "This page stays for at least %(seconds)s seconds.",
    seconds,
  );
  return interpolate(text, { seconds: number(seconds, 0, 1) });
}

/** "1–4, 6, 8": three or more in a row as one run. @param {number[]} numbers */
function inRuns(numbers) {
  const runs = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run.at(-1) === number - 1) run.push(number);
    else runs.push([number]);
  }
  const comma = gettext(", ");
  return runs.map((run) => (run.length > 2 ? `${run[0]}–${run.at(-1)}` : run.join(comma))).join(comma);
}
