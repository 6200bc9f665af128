/** Fetches the sounds of a trial one after the other, with progress, and again where a fetch fails. */

import { isFlac, parseFlac } from "./flac.js";
import { gettext, interpolate } from "./i18n.js";
import { parseWav } from "./wav.js";

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
 * @param {string[]} addresses "" for those that are there already
 * @param {object} hooks
 * @param {(index: number, sound: import("./wav.js").Sound) => void} hooks.onsound
 * @param {(share: number) => void} hooks.onprogress gets the share of all bytes that has come, 0 to 1
 * @throws {NoSound}
 */
export async function load(addresses, { onsound, onprogress }) {
  const wanted = addresses.map((_, index) => index).filter((index) => addresses[index]);
  const shares = addresses.map((address) => (address ? 0 : 1));
  const one = async (index) => {
    const bytes = await patiently(() =>
      fetchBytes(addresses[index], (share) => {
        shares[index] = share;
        onprogress(shares.reduce((sum, each) => sum + each, 0) / shares.length);
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

/** @param {() => Promise<any>} attempt */
async function patiently(attempt) {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      const lasting = error instanceof NoSound && error.status >= 400 && error.status < 500;
      if (lasting || tried === TRIES) throw error instanceof NoSound ? error : new NoSound("No connection.");
      await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT * 2 ** (tried - 1)));
    }
  }
}

/**
 * @param {string} address
 * @param {(share: number) => void} onshare
 */
async function fetchBytes(address, onshare) {
  const abort = new AbortController();
  let watch = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch(address, { signal: abort.signal });
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
      if (size) onshare(Math.min(1, bytes / size));
    }
    if (size && bytes !== size) throw new NoSound("A sound came only in part.");
    onshare(1);
    return await new Blob(chunks).arrayBuffer();
  } finally {
    clearTimeout(watch);
  }
}
