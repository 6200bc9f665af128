/**
 * Says to screen readers what eyes can see, through the page's one live region, and nothing while a sound plays: a
 * voice over the sound under test would change its rating. What comes meanwhile waits; of each kind the last remains.
 */

const MOST_LINES = 3;

export class Announcer {
  /** @type {Map<string, string>} */ #waiting = new Map();
  /** @type {Set<string>} */ #said = new Set();

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

  /** The same, unless it was said before. @param {string} text @param {string} kind */
  sayOnce(text, kind) {
    this.say(this.#said.has(text) ? "" : text, kind);
  }

  /** Say what waited, once no sound plays. */
  flush() {
    if (!this.#waiting.size || this.sounds()) return;
    const texts = [...this.#waiting.values()];
    texts.forEach((text) => this.#said.add(text));
    const line = document.createElement("p"); // beside the last one, which a screen reader may not have read yet
    line.textContent = texts.join(" ");
    this.region.append(line);
    if (this.region.childElementCount > MOST_LINES) this.region.firstElementChild?.remove();
    this.#waiting.clear();
  }
}
