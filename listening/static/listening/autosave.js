/**
 * Sends ratings as they are made, and loses none.
 *
 * Each write is kept on this device before it is sent, and until the server has it. Writes carry a number from
 * a counter that all tabs share; the server keeps the highest, so sending one twice, late or out of order is
 * harmless. No clock decides anything.
 */

import { DeviceStore } from "./device-store.js";
import { onSending } from "./leaving.js";

const SOON = 250; // ms that a moving slider may rest before it is sent
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
const TIMEOUT = 15_000;

/**
 * @typedef {object} Write
 * @property {string} trial
 * @property {number} slot
 * @property {number | null} score
 * @property {number} plays
 * @property {number} seconds_heard
 * @property {number} revision
 * @property {string} writer name of this browser
 * @property {string} [parts_heard] hundredths of the clip, a bit each, as hexadecimal digits
 * @property {string} [comment] where it was changed here
 */

/**
 * Events: `state` when `state` changed; `overruled` with the server's rating as `detail`, where a later write
 * from another tab or device was kept; `elsewhere` with a write that another tab of this browser made.
 */
export class Autosave extends EventTarget {
  /** @type {Map<number, {write: Write, fresh: boolean}>} */ #waiting = new Map();
  #failures = 0;
  #sending = false;
  /** @type {number | undefined} */ #timer;
  #memory = new Map();
  /** @type {Map<number, number>} highest number that this browser gave a write of a slot, as far as is known here */
  #newest = new Map();
  /** Takes what localStorage can't: a write to it comes too late for a tab that is killed in mid-drag. */
  #store = new DeviceStore("writes");
  /** @type {Set<string>} keys of writes that are in it */ #aside = new Set();
  #underWay = 0; // writes that are on their way into it

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {string} options.rater
   * @param {string} options.trial
   * @param {number} options.revision the highest that the server has
   */
  constructor({ url, rater, trial, revision }) {
    super();
    this.url = url;
    this.trial = trial;
    this.prefix = `listening/${rater}/`;
    /** "saved", "saving", "offline" or "refused" */
    this.state = "saved";
    /** The server's words when it refused, and its status. */
    this.refusal = { text: "", status: 0 };
    this.#raise(revision);
    addEventListener("online", () => this.#soon(0));
    onSending(() => this.#lastChance());
    addEventListener("storage", (event) => this.#fromAnotherTab(event));
  }

  /** Whether everything is on the server. */
  get settled() {
    return this.#waiting.size === 0;
  }

  /**
   * Take up the writes of this trial that were kept on the device and never reached the server.
   * @param {Map<number, number>} revisions what the server has, by slot
   * @returns {Write[]}
   */
  recover(revisions) {
    const found = [];
    for (const key of this.#keys()) {
      if (!key.startsWith(`${this.prefix}write/`)) continue;
      const write = this.#readWrite(key);
      const here = write?.trial === this.trial && revisions.has(write.slot);
      if (here && write.revision > revisions.get(write.slot)) {
        this.#waiting.set(write.slot, { write, fresh: false });
        found.push(write);
      } else {
        this.#forget(key);
      }
    }
    if (found.length) this.#soon(0);
    this.#recoverAside(revisions);
    return found;
  }

  /** The same for writes that had no place in the first store; they are told by `elsewhere`. */
  async #recoverAside(revisions) {
    for (const { id, value } of await this.#store.all(this.prefix)) {
      if (this.#aside.has(id)) continue; // this page's own
      const write = JSON.parse(value);
      const mine = this.#waiting.get(write.slot);
      const late = mine && (mine.fresh || mine.write.revision >= write.revision);
      if (write.trial !== this.trial || late || !(write.revision > revisions.get(write.slot))) {
        this.#store.remove([id]);
        continue;
      }
      this.#aside.add(id);
      this.#raise(write.revision);
      this.#waiting.set(write.slot, { write, fresh: false });
      this.dispatchEvent(new CustomEvent("elsewhere", { detail: write }));
      this.#soon(0);
    }
  }

  /**
   * Save what is known of a slot.
   * @param {Omit<Write, "trial" | "revision">} rating
   * @param {boolean} [now] without waiting for more
   */
  put(rating, now = false) {
    const write = { trial: this.trial, ...rating, revision: this.#next(), writer: this.#writer };
    this.#waiting.set(write.slot, { write, fresh: true });
    this.#newest.set(write.slot, write.revision);
    this.dispatchEvent(new CustomEvent("put", { detail: { ...rating, now } }));
    this.#remember(this.#writeKey(write.slot), JSON.stringify(write));
    if (this.state !== "offline" || this.#underWay) this.#become("saving");
    this.#soon(now ? 0 : SOON);
  }

  /** Resolves when everything is on the server, what other tabs still hold of this trial too. */
  async settle() {
    for (const key of this.#keys().filter((each) => each.startsWith(`${this.prefix}write/${this.trial}/`))) {
      const write = this.#readWrite(key);
      const mine = write && this.#waiting.get(write.slot);
      if (write && !(mine?.write.revision >= write.revision)) this.#waiting.set(write.slot, { write, fresh: false });
    }
    this.#soon(0);
    while (!this.settled) {
      await new Promise((resolve) => this.addEventListener("state", resolve, { once: true }));
      if (this.state === "refused") return;
    }
  }

  /** @param {number} wait ms */
  #soon(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), wait);
  }

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let entry; (entry = this.#waiting.values().next().value); ) {
        if (!(await this.#deliver(entry))) {
          this.#becomeOffline();
          this.#soon(Math.min(FIRST_WAIT * 2 ** this.#failures++, LONGEST_WAIT));
          return;
        }
        this.#failures = 0;
      }
      if (this.state !== "refused") this.#become("saved");
    } finally {
      this.#sending = false;
    }
  }

  /**
   * @param {{write: Write, fresh: boolean}} entry
   * @returns {Promise<boolean>} false where it has to be sent again later
   */
  async #deliver(entry) {
    const { write } = entry;
    let response, answer;
    try {
      response = await this.#post(write, { signal: AbortSignal.timeout(TIMEOUT) });
      answer = await response.json();
    } catch {
      answer = null; // no line, or not our server's words: a proxy's page, a hotel's login
    }
    const { status = 0 } = response ?? {};
    const refused = status >= 400 && status < 500 && status !== 408 && status !== 429 && Boolean(answer?.error);
    if (!refused && !(response?.ok && answer?.revision > 0)) {
      entry.fresh = false;
      return false;
    }
    if (refused) {
      this.refusal = { text: answer.error, status };
      this.#done(entry);
      this.#become("refused");
      return true;
    }
    this.#raise(answer.revision);
    const kept = answer.revision === write.revision && agrees(answer, write);
    const newest = this.#waiting.get(write.slot) === entry;
    const later = answer.writer === write.writer && answer.revision > write.revision; // in another tab, by our counter
    if (!kept && entry.fresh && newest && !later) {
      // Another device wrote meanwhile with the same or a higher number. This was made just now: it comes later.
      const again = { ...write, revision: this.#next() };
      this.#waiting.set(write.slot, { write: again, fresh: false });
      this.#remember(this.#writeKey(write.slot), JSON.stringify(again));
      return true;
    }
    this.#done(entry);
    if (!kept && newest) this.dispatchEvent(new CustomEvent("overruled", { detail: answer }));
    return true;
  }

  /** @param {Write} write @param {RequestInit} [options] */
  #post(write, options = {}) {
    return fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(write),
      ...options,
    });
  }

  /** The page may go away: the browser sends what waits; it stays on the device until the server has it. */
  #lastChance() {
    for (const { write } of this.#waiting.values()) this.#post(write, { keepalive: true }).catch(() => {});
  }

  /** @param {{write: Write}} entry */
  #done({ write }) {
    if (this.#waiting.get(write.slot)?.write === write) this.#waiting.delete(write.slot);
    const key = this.#writeKey(write.slot);
    if ((this.#readWrite(key)?.revision ?? Infinity) <= write.revision) this.#forget(key);
  }

  /** @param {StorageEvent} event */
  #fromAnotherTab(event) {
    if (event.storageArea !== storage() || !event.newValue || !event.key?.startsWith(`${this.prefix}write/`)) return;
    const write = parsed(event.newValue); // what was written then: it may be sent and gone by now
    if (write?.trial !== this.trial || write.revision < (this.#newest.get(write.slot) ?? 0)) return;
    this.#newest.set(write.slot, write.revision);
    const mine = this.#waiting.get(write.slot);
    if (mine && mine.write.revision < write.revision) this.#waiting.set(write.slot, { write, fresh: false });
    this.dispatchEvent(new CustomEvent("elsewhere", { detail: write }));
  }

  /** "offline" says that all is kept on this device: that is true once the store has it. */
  #becomeOffline() {
    this.#become(this.#underWay ? "saving" : "offline");
  }

  /** @param {string} state */
  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  /** A random name of this browser for this rater. */
  get #writer() {
    const key = `${this.prefix}writer`;
    const known = storage()?.getItem(key) ?? this.#memory.get(key);
    if (known) return known;
    const name = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0"));
    this.#remember(key, name.join(""));
    return name.join("");
  }

  /** Highest number given out so far, by any tab of this browser. */
  get #counter() {
    const key = `${this.prefix}revision`;
    return Math.max(Number(this.#memory.get(key)) || 0, Number(storage()?.getItem(key)) || 0);
  }

  #next() {
    this.#raise(this.#counter + 1);
    return this.#counter;
  }

  /** @param {number} revision */
  #raise(revision) {
    if (revision > this.#counter) this.#remember(`${this.prefix}revision`, String(revision));
  }

  /** @param {number} slot */
  #writeKey(slot) {
    return `${this.prefix}write/${this.trial}/${slot}`;
  }

  /** @param {string} key @returns {Write | null} */
  #readWrite(key) {
    return parsed(storage()?.getItem(key) ?? this.#memory.get(key) ?? "null");
  }

  #keys() {
    return Object.keys(storage() ?? {});
  }

  /** @param {string} key @param {string} value */
  #remember(key, value) {
    this.#memory.set(key, value);
    try {
      localStorage.setItem(key, value);
    } catch {
      if (!key.startsWith(`${this.prefix}write/`)) return;
      this.#aside.add(key); // full or switched off
      this.#keepAside(key, value);
    }
  }

  /** @param {string} key @param {string} value */
  async #keepAside(key, value) {
    this.#underWay++;
    await this.#store.put({ id: key, rater: this.prefix, value });
    if (--this.#underWay === 0 && this.#failures && !this.settled) this.#becomeOffline();
  }

  /** @param {string} key */
  #forget(key) {
    this.#memory.delete(key);
    storage()?.removeItem(key);
    if (this.#aside.delete(key)) this.#store.remove([key]);
  }
}

/** @param {string} text @returns {Write | null} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Whether the server holds what was written. */
function agrees(answer, { score, comment }) {
  return (score === null || answer.score === score) && (comment === undefined || (answer.comment ?? "") === comment);
}

/** The browser's storage, or null where it is switched off. */
function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
