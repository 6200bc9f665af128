/** The level that a rater set: kept on the server, changed a little on the pages of trials. */

import { gettext, interpolate, number } from "./i18n.js";
import { onSending } from "./leaving.js";

const STEP = 1; // dB
const FIRST_WAIT = 1000; // ms between two tries to save, doubled with each
const LONGEST_WAIT = 30_000;
const TIMEOUT = 15_000;

/** With a sign, and a true minus. @param {number} level dB @returns {string} */
export function inDecibels(level) {
  const sign = level > 0 ? "+" : level < 0 ? "−" : "";
  return interpolate(gettext("%(level)s dB"), { level: sign + number(Math.abs(level), 0, 1) });
}

/** Saves the last level that was put, and nothing else, however often the line breaks. */
export class LevelSaver {
  /** @type {number | null} */ #waiting = null;
  #sending = false;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    onSending(() => {
      if (this.#waiting !== null) this.#post(this.#waiting, { keepalive: true }).catch(() => {});
    });
  }

  /** @param {number} level dB */
  put(level) {
    this.#waiting = level;
    if (!this.#sending) this.#send();
  }

  async #send() {
    this.#sending = true;
    for (let failures = 0; this.#waiting !== null; ) {
      const level = this.#waiting;
      try {
        const response = await this.#post(level, { signal: AbortSignal.timeout(TIMEOUT) });
        if (response.status >= 500) throw new Error(`The server answered ${response.status}.`);
        failures = 0;
        if (this.#waiting === level) this.#waiting = null; // kept, or refused: the page it belonged to is gone
      } catch {
        await new Promise((resolve) => setTimeout(resolve, Math.min(FIRST_WAIT * 2 ** failures++, LONGEST_WAIT)));
      }
    }
    this.#sending = false;
  }

  /** @param {number} level @param {RequestInit} options */
  #post(level, options) {
    const headers = { "Content-Type": "application/json" };
    return fetch(this.url, { method: "POST", headers, body: JSON.stringify({ db: level }), ...options });
  }
}

/**
 * Play at the level that was set, and wire the buttons that change it.
 * @param {import("./audio-engine.js").AudioEngine} engine
 * @param {{db: number, change: number, most_change: number, url: string} | null} setup null where the study sets none
 */
export function controlLevel(engine, setup) {
  if (!setup) return;
  const [quieter, louder, output] = ["quieter", "louder", "level-change"].map((id) => document.getElementById(id));
  const saver = new LevelSaver(setup.url);
  let change = setup.change;
  const show = () => {
    engine.setLevel(setup.db + change);
    output.textContent = inDecibels(change);
    // Not disabled: a button that is at its end keeps the focus.
    quieter.setAttribute("aria-disabled", String(change <= -setup.most_change));
    louder.setAttribute("aria-disabled", String(change >= setup.most_change));
  };
  const move = (by) => {
    const to = Math.min(Math.max(Math.round(change) + by, -setup.most_change), setup.most_change);
    if (to === change) return;
    change = to;
    show();
    saver.put(setup.db + change);
  };
  quieter.addEventListener("click", () => move(-STEP));
  louder.addEventListener("click", () => move(STEP));
  show();
}
