/**
 * Says to screen readers what eyes can see, through the page's one live region, and nothing while a sound plays: a
 * voice over the sound under test would change its rating. What comes meanwhile waits; of each kind the last remains.
 */

export class Announcer {
  /** @type {Map<string, string>} */ #waiting = new Map();

  /**
   * @param {HTMLElement} region
   * @param {() => boolean} sounds whether a sound can be heard now
   */
  constructor(region, sounds) {
    this.region = region;
    this.sounds = sounds;
  }

  /**
   * @param {string} text "" withdraws what waits of this kind
   * @param {string} [kind]
   */
  say(text, kind = "answer") {
    this.#waiting.delete(kind);
    if (text) this.#waiting.set(kind, text);
    this.flush();
  }

  /** Say what waited, once no sound plays. */
  flush() {
    if (!this.#waiting.size || this.sounds()) return;
    this.region.textContent = [...this.#waiting.values()].join(" ");
    this.#waiting.clear();
  }
}
