/** What a rater did with one sound of the page: how much of it was heard, its score, the comment on it. */

import { PARTS } from "./mixer.js";

export class Slot {
  /** Whether the comment was changed here: only then it is written, so that no older one replaces another device's. */
  #commented = false;

  /**
   * @param {object} saved what the server has
   * @param {HTMLElement} row
   * @param {import("./audio-engine.js").AudioEngine} engine
   * @param {{seconds: number, share: number}} enough to be heard
   */
  constructor(saved, row, engine, enough) {
    this.slot = saved.slot;
    this.row = row;
    this.engine = engine;
    this.least = enough;
    /** @type {number | null} */
    this.score = saved.score;
    this.comment = saved.comment ?? "";
    /** What was heard before this page was loaded, or elsewhere. */
    this.base = { plays: saved.plays, seconds: saved.seconds_heard, parts: bits(saved.parts_heard) };
    this.noteSaved();
  }

  /** What was heard in all, whole milliseconds so that page and server agree. */
  get heard() {
    const plays = this.base.plays + this.engine.plays[this.slot];
    const seconds = this.base.seconds + this.engine.seconds[this.slot];
    const parts = this.base.parts | this.engine.parts[this.slot];
    return { plays, seconds: Math.floor(seconds * 1000 + 1e-6) / 1000, parts };
  }

  /** How far the rater is with hearing it, 0 to 1. */
  get progress() {
    const { seconds, parts } = this.heard;
    const share = this.least.share > 0 ? count(parts) / PARTS / this.least.share : 1;
    return Math.min(1, this.least.seconds > 0 ? seconds / this.least.seconds : 1, share);
  }

  /** Whether it was heard for long enough. */
  get enough() {
    return this.progress === 1;
  }

  /** Whether there is news of what was heard. @param {number} least seconds of play that are worth a write */
  news(least) {
    const { plays, seconds } = this.heard;
    const crossed = this.enough && !this.saved.enough;
    return crossed || seconds - this.saved.seconds > least || (least === 0 && plays > this.saved.plays);
  }

  noteSaved() {
    this.saved = { ...this.heard, enough: this.enough };
  }

  /** @param {string} text */
  say(text) {
    this.comment = text;
    this.#commented = true;
  }

  /** All that is known, as it is saved. */
  get rating() {
    const { plays, seconds, parts } = this.heard;
    return {
      slot: this.slot,
      score: this.score,
      plays,
      seconds_heard: seconds,
      ...(this.least.share > 0 && { parts_heard: parts.toString(16) }),
      ...(this.#commented && { comment: this.comment }),
    };
  }

  /**
   * Take over what another tab or device, or this page before it was reloaded, knows better.
   * @param {object} write
   * @param {boolean} unsent whether the server may not have it yet
   */
  adopt(write, unsent) {
    const { plays, seconds } = this.heard;
    this.base.plays += Math.max(0, write.plays - plays);
    this.base.seconds += Math.max(0, write.seconds_heard - seconds);
    this.base.parts |= bits(write.parts_heard);
    if (write.score !== null) this.score = write.score;
    if (write.comment === undefined && unsent) return;
    this.comment = write.comment ?? "";
    this.#commented = this.#commented || unsent;
  }
}

/** @param {string} [digits] hexadecimal */
function bits(digits) {
  return BigInt(`0x${digits || "0"}`);
}

/** @param {bigint} parts */
function count(parts) {
  return [...parts.toString(2)].filter((bit) => bit === "1").length;
}
