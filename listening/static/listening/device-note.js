/** A notice where the sound device loses treble of the study: over the page, so that nothing moves; closed once, it stays closed. */

import { gettext, interpolate, number } from "./i18n.js";

/** @param {number} hertz */
export function kHz(hertz) {
  return interpolate(gettext("%(rate)s kHz"), { rate: number(hertz / 1000, 0, 3) });
}

/**
 * @param {import("./audio-engine.js").AudioEngine} engine
 * @param {string} rater
 * @param {(text: string) => void} say to screen readers
 */
export function watchDevice(engine, rater, say) {
  const [note, text, close] = ["", "-text", "-close"].map((part) => document.getElementById(`device-note${part}`));
  const key = `listening/${rater}/device-note`;
  engine.addEventListener("slower", () => {
    if (!engine.losesTreble || kept(key) === String(engine.deviceRate)) return;
    text.textContent = interpolate(
      gettext(
        "Your sound device runs at %(device)s, these sounds at %(rate)s: treble may be lost. Use other headphones if you can. Bluetooth headsets do this while their microphone is on.",
      ),
      { device: kHz(engine.deviceRate), rate: kHz(engine.rate) },
    );
    note.hidden = false;
    say(text.textContent);
  });
  close.addEventListener("click", () => {
    note.hidden = true;
    keep(key, String(engine.deviceRate));
    document.getElementById("play-reference").focus({ preventScroll: true }); // the button that was pressed goes away
  });
}

/** @param {string} key */
function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off
  }
}

/** @param {string} key @param {string} value */
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it counts until the page is left
  }
}
