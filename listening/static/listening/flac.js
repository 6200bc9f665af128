/** FLAC of 16 bits, decoded by the browser and brought back to the exact samples. */

import { FULL_SCALE } from "./wav.js";

const MAGIC = 0x664c6143; // "fLaC"

/** @param {ArrayBuffer} bytes */
export function isFlac(bytes) {
  return bytes.byteLength > 42 && new DataView(bytes).getUint32(0) === MAGIC;
}

/**
 * Decode a FLAC file.
 * @param {ArrayBuffer} bytes gone after the call
 * @returns {Promise<import("./wav.js").Sound>}
 * @throws {Error} if it can't be decoded, or not to its full length
 */
export async function parseFlac(bytes) {
  const { rate, channels, frames } = streamInfo(new DataView(bytes));
  // A context of the file's own rate: decoding converts to the rate of its context.
  const decoded = await new OfflineAudioContext(channels, 1, rate).decodeAudioData(bytes);
  if (decoded.length !== frames) throw new Error("A sound came only in part.");
  const planes = Array.from({ length: channels }, (_, channel) => decoded.getChannelData(channel));
  const positive = scaleOf(planes);
  const samples = new Int16Array(frames * channels);
  planes.forEach((plane, channel) => {
    for (let i = 0, at = channel; i < frames; i++, at += channels) {
      samples[at] = Math.round(plane[i] * (plane[i] < 0 ? FULL_SCALE : positive));
    }
  });
  return { rate, channels, frames, samples };
}

/** Rate, channels and length from the first metadata block (RFC 9639, section 8.2). @param {DataView} view */
function streamInfo(view) {
  const packed = view.getUint32(18);
  return {
    rate: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    frames: (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22),
  };
}

/**
 * What the browser divided positive samples by: Firefox takes 32768 as for negative ones, Chromium 32767.
 * The right one makes whole numbers of all.
 * @param {Float32Array[]} planes
 */
function scaleOf(planes) {
  let even = 0; // how far from whole numbers, with 32768
  let odd = 0; // and with 32767
  for (const plane of planes) {
    for (const sample of plane) {
      if (sample <= 0) continue;
      even += Math.abs(sample * FULL_SCALE - Math.round(sample * FULL_SCALE));
      odd += Math.abs(sample * (FULL_SCALE - 1) - Math.round(sample * (FULL_SCALE - 1)));
    }
  }
  return even <= odd ? FULL_SCALE : FULL_SCALE - 1;
}
