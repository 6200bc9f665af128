/** Fetches the sounds of a trial one after the other, with progress, and again where a fetch fails. */

import { isFlac, parseFlac } from "./flac.js";
import { gettext, interpolate } from "./i18n.js";
import { unmask } from "./mask.js";
import { isWav, parseWav } from "./wav.js";

const TRIES = 6;
const FIRST_WAIT = 500; // ms, doubled with each try
const SILENCE = 20_000; // ms without a byte after which a fetch counts as failed
const AT_ONCE = 3;

/** A sound that can't be had; `status` is the server's, or 0. */
export class NoSound extends Error {
  /** @param {string} text @param {number} [status] */
  constructor(text, status = 0) {
    super(text);
    this.status = status;
  }
}

/**
 * Fetch and decode sounds: the first alone, so that something can be heard soon, then the others in their order.
 * @param {({url: string, key: string} | null)[]} sounds with the key of its mask; null for those that are there already
 * @param {object} hooks
 * @param {(index: number, sound: import("./wav.js").Sound) => void} hooks.onsound
 * @param {(loaded: number, total: number) => void} hooks.onprogress gets the bytes that have come, and of how many; all
 *   sounds of a page have one length
 * @throws {NoSound}
 */
export async function load(sounds, { onsound, onprogress }) {
  const wanted = sounds.map((_, index) => index).filter((index) => sounds[index]);
  const loaded = new Array(wanted.length).fill(0);
  const one = async (index) => {
    const place = sounds.slice(0, index).filter(Boolean).length;
    const bytes = await patiently((again) =>
      fetchSound(sounds[index], again, (come, size) => {
        loaded[place] = come;
        onprogress(
          loaded.reduce((sum, each) => sum + each, 0),
          size * loaded.length,
        );
      }),
    );
    onsound(index, isFlac(bytes) ? await parseFlac(bytes) : parseWav(bytes));
  };
  if (wanted.length) await one(wanted.shift());
  const worker = async () => {
    while (wanted.length) await one(wanted.shift());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/**
 * Bring sounds into the browser's cache, one after the other, behind everything else. Whatever fails is fetched
 * when it is needed.
 * @param {string[]} addresses
 */
export async function preload(addresses) {
  for (const address of addresses) {
    try {
      const response = await fetch(address, { priority: "low" });
      await response.arrayBuffer(); // only what was read to its end is kept
    } catch {
      return;
    }
  }
}

/** @param {(again: boolean) => Promise<any>} attempt */
async function patiently(attempt) {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt(tried > 1);
    } catch (error) {
      const lasting = error instanceof NoSound && error.status >= 400 && error.status < 500;
      if (lasting || tried === TRIES) throw error instanceof NoSound ? error : new NoSound("No connection.");
      await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT * 2 ** (tried - 1)));
    }
  }
}

/**
 * Fetch a sound and take off its mask.
 * @param {{url: string, key: string}} sound
 * @param {boolean} again past the browser's cache: what lies there may have another mask, or be damaged
 * @param {(come: number, size: number) => void} onbytes
 */
async function fetchSound({ url, key }, again, onbytes) {
  const bytes = await fetchBytes(url, again ? "reload" : "default", onbytes);
  unmask(bytes, key);
  if (isFlac(bytes) || isWav(bytes)) return bytes;
  if (again) throw new NoSound(gettext("The sounds of this page have changed. Reload the page."), 409);
  throw new Error("A sound came under another mask.");
}

/**
 * @param {string} address
 * @param {RequestCache} cache
 * @param {(come: number, size: number) => void} onbytes
 */
async function fetchBytes(address, cache, onbytes) {
  const abort = new AbortController();
  let watch = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch(address, { signal: abort.signal, cache });
    if (!response.ok) {
      const answer = await response.json().catch(() => ({}));
      throw new NoSound(answer.error ?? interpolate(gettext("The server answered %(status)s."), { status: response.status }), response.status);
    }
    const size = Number(response.headers.get("Content-Length"));
    const reader = response.body.getReader();
    const chunks = [];
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.length;
      clearTimeout(watch);
      watch = setTimeout(() => abort.abort(), SILENCE);
      if (size) onbytes(Math.min(bytes, size), size);
    }
    if (size && bytes !== size) throw new NoSound("A sound came only in part.");
    onbytes(bytes, bytes);
    return await new Blob(chunks).arrayBuffer();
  } finally {
    clearTimeout(watch);
  }
}
