/**
 * What the rater does on this page, told to the server a few seconds later, and to nobody else.
 *
 * Each event has a running number and the milliseconds since the page's start by the clock that only goes forward. It
 * is kept on this device until the server has it: what waits is sent by whichever page of this rater is open when the
 * line is there, in the order in which it happened. The server stores each number of a page once.
 */

import { DeviceStore } from "./device-store.js";
import { onSending } from "./leaving.js";

const EVERY = 10_000; // ms between two sendings
const LONGEST_WAIT = 60_000;
const TIMEOUT = 15_000;
const MOST_AT_ONCE = 300;
const MOST_OF_A_PAGE = 20_000;
const FINAL = [400, 403, 404, 410, 413]; // answers of the server that another try does not change
const OF_ALL = [404, 410]; // and that hold for whatever else waits

/** @typedef {[at: number, kind: string, slot: number | null, value: number | string | null]} Event */
/** @typedef {{id: number, rater: string, page: string, trial: string, number: number, event: Event}} Kept */

class EventLog {
  #store = new DeviceStore("events");
  #page = Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  #number = 0;
  /** Events of this page that the server does not have, for the last moment: nothing can be read from a store then.
   * @type {Map<number, Event>} */
  #unsent = new Map();
  #keeping = Promise.resolve();
  #sending = false;
  #failures = 0;
  #ended = false;
  #forgetting = false; // whether nothing new is kept on the device
  /** @type {number | undefined} */ #timer;

  /** @param {{rater: string, url: string, page: string, trial: string}} setup */
  constructor({ rater, url, page, trial }) {
    Object.assign(this, { rater, url, trial });
    this.lost = false;
    this.note("page_shown", null, page);
    this.note("page_clock", null, new Date().toISOString());
    if (document.hidden) this.note("hidden");
    addEventListener("online", () => this.line(true));
    addEventListener("offline", () => this.line(false));
    addEventListener("pageshow", (event) => event.persisted && this.note("page_shown", null, page));
    document.addEventListener("visibilitychange", () => document.hidden || this.note("visible"));
    onSending((left) => {
      this.note(left ? "page_left" : "hidden");
      this.#lastChance();
    });
    this.#later();
  }

  /**
   * @param {string} kind small letters and underscores; docs/researchers.md lists them
   * @param {number | null} [slot] 0 is the reference
   * @param {number | string | null} [value]
   */
  note(kind, slot = null, value = null) {
    if (this.#ended || this.#number >= MOST_OF_A_PAGE) return;
    const number = ++this.#number;
    /** @type {Event} */
    const event = [Math.max(0, Math.round(performance.now())), kind, slot, value];
    this.#unsent.set(number, event);
    if (this.#forgetting) return;
    const keeping = this.#store.put(this.#kept(number, event));
    this.#keeping = Promise.all([this.#keeping, keeping]).then(() => {});
  }

  /** @param {number} number @param {Event} event @returns {Kept} */
  #kept(number, event) {
    return { rater: this.rater, page: this.#page, trial: this.trial, number, event };
  }

  /** The line is there or not, whoever noticed it. @param {boolean} there */
  line(there) {
    if (there === !this.lost) return;
    this.lost = !there;
    this.note(there ? "line_back" : "line_lost");
    if (!there) return;
    this.#failures = 0;
    this.#send();
  }

  /** Send what waits now, and keep nothing on the device from then on: what can't be sent goes once it is. */
  async forgetThisDevice() {
    this.#forgetting = true;
    clearTimeout(this.#timer);
    await this.#send();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), Math.min(EVERY * 2 ** this.#failures, LONGEST_WAIT));
  }

  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      const upTo = this.#number;
      await this.#keeping;
      const { records, whole } = await this.#store.read(this.rater);
      const mine = new Set(records.filter(({ page }) => page === this.#page).map(({ number }) => number));
      for (const [number, event] of this.#unsent) {
        if (number > upTo || mine.has(number)) continue;
        if (whole && !this.#forgetting) this.#unsent.delete(number); // not kept any more: sent by another tab
        else records.push(this.#kept(number, event));
      }
      for (const block of blocks(records)) {
        if (!(await this.#deliver(block))) break;
      }
    } finally {
      this.#sending = false;
      if (!this.#ended) this.#later();
    }
  }

  /** @param {Kept[]} block @returns {Promise<boolean>} false where it has to wait */
  async #deliver(block) {
    let response, answer;
    try {
      response = await this.#post(block, { signal: AbortSignal.timeout(TIMEOUT) });
      answer = await response.json();
    } catch {
      answer = null; // no line, or not our server's words: a proxy's page, a hotel's login
    }
    const refused = FINAL.includes(response?.status) && Boolean(answer?.error);
    if (!refused && !(response?.ok && answer?.new >= 0)) {
      this.#failures++;
      return false;
    }
    this.#failures = 0;
    this.line(true);
    this.#ended ||= refused && OF_ALL.includes(response.status);
    const gone = this.#ended ? await this.#store.all(this.rater) : block;
    await this.#store.remove(gone.flatMap(({ id }) => id ?? []));
    for (const { page, number } of block) if (page === this.#page) this.#unsent.delete(number);
    if (this.#ended) this.#unsent.clear();
    return !this.#ended;
  }

  /** The page may go away: the browser sends what waits of it. It stays on the device until a page hears that it came. */
  #lastChance() {
    const unsent = [...this.#unsent].slice(0, MOST_AT_ONCE).map(([number, event]) => this.#kept(number, event));
    for (const block of blocks(unsent)) this.#post(block, { keepalive: true }).catch(() => {});
  }

  /** @param {Kept[]} block @param {RequestInit} options */
  #post(block, options) {
    const [{ page, trial, number: first }] = block;
    return fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ page, trial, first, events: block.map(({ event }) => event) }),
      priority: "low",
      ...options,
    });
  }
}

/** Runs of following numbers of one page, the page first that was opened first. @param {Kept[]} all */
function blocks(all) {
  /** @type {Map<string, Kept[]>} */
  const pages = new Map();
  for (const each of all) {
    if (!pages.has(each.page)) pages.set(each.page, []);
    pages.get(each.page).push(each);
  }
  return [...pages.values()].flatMap((kept) => runs(kept.sort((one, other) => one.number - other.number)));
}

/** @param {Kept[]} kept of one page, by number @returns {Kept[][]} */
function runs(kept) {
  /** @type {Kept[][]} */
  const found = [];
  for (const each of kept) {
    const run = found.at(-1);
    if (run && run.at(-1).number + 1 === each.number && run.length < MOST_AT_ONCE) run.push(each);
    else found.push([each]);
  }
  return found;
}

/** The log of this page. */
export const log = new EventLog(JSON.parse(document.getElementById("events").textContent));
