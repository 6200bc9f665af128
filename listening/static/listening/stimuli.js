/** Fetches all sounds of a trial, with progress, and again where a fetch fails. */

import { parseWav } from "./wav.js";

const TRIES = 5;
const FIRST_WAIT = 500; // ms, doubled with each try
const SILENCE = 20_000; // ms without a byte after which a fetch counts as failed
const AT_ONCE = 4;

/** A sound that can't be had; `status` is the server's, or 0. */
export class NoSound extends Error {
  /** @param {string} text @param {number} [status] */
  constructor(text, status = 0) {
    super(text);
    this.status = status;
  }
}

/**
 * Fetch and decode sounds.
 * @param {string[]} addresses
 * @param {(share: number) => void} onprogress gets the share of all bytes that has come, 0 to 1
 * @returns {Promise<import("./wav.js").Sound[]>} in the order of the addresses
 * @throws {NoSound}
 */
export async function load(addresses, onprogress) {
  const received = addresses.map(() => 0);
  const expected = addresses.map(() => 0);
  const report = () => {
    const known = expected.filter((size) => size > 0);
    const each = known.length ? known.reduce((sum, size) => sum + size, 0) / known.length : 0;
    const total = expected.reduce((sum, size) => sum + (size || each), 0);
    onprogress(total ? received.reduce((sum, size) => sum + size, 0) / total : 0);
  };
  const sounds = new Array(addresses.length);
  let next = 0;
  const worker = async () => {
    while (next < addresses.length) {
      const i = next++;
      sounds[i] = await patiently(() =>
        fetchSound(addresses[i], (bytes, size) => {
          received[i] = bytes;
          expected[i] = size;
          report();
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return sounds;
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
 * @param {(bytes: number, size: number) => void} onbytes
 */
async function fetchSound(address, onbytes) {
  const abort = new AbortController();
  let watch = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch(address, { signal: abort.signal });
    if (!response.ok) {
      const answer = await response.json().catch(() => ({}));
      throw new NoSound(answer.error ?? `The server answered ${response.status}.`, response.status);
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
      onbytes(bytes, size);
    }
    if (size && bytes !== size) throw new NoSound("A sound came only in part.");
    return parseWav(await new Blob(chunks).arrayBuffer());
  } finally {
    clearTimeout(watch);
  }
}
