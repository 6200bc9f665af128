/** 16-bit PCM WAV files, read as they are: nothing is resampled or dithered. */

/**
 * @typedef {object} Sound
 * @property {number} rate Hz
 * @property {number} channels
 * @property {number} frames samples per channel
 * @property {Int16Array} samples interleaved
 */

/** Full scale of 16 bits. */
export const FULL_SCALE = 32768;

/** @param {ArrayBuffer} bytes */
export function isWav(bytes) {
  return bytes.byteLength >= 44 && tag(bytes, 0) === "RIFF" && tag(bytes, 8) === "WAVE";
}

/**
 * Read a WAV file.
 * @param {ArrayBuffer} bytes
 * @returns {Sound}
 * @throws {Error} if it is not 16-bit PCM WAV
 */
export function parseWav(bytes) {
  const view = new DataView(bytes);
  if (!isWav(bytes)) throw new Error("This is not a WAV file.");
  let format = null;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (tag(bytes, at) === "fmt ") {
      format = {
        coding: view.getUint16(at + 8, true),
        channels: view.getUint16(at + 10, true),
        rate: view.getUint32(at + 12, true),
        bits: view.getUint16(at + 22, true),
      };
    } else if (tag(bytes, at) === "data") {
      if (!format || format.coding !== 1 || format.bits !== 16 || format.channels < 1) {
        throw new Error("This is not a WAV file of 16-bit PCM.");
      }
      const length = Math.min(size, bytes.byteLength - at - 8);
      const frames = Math.floor(length / 2 / format.channels);
      const samples = new Int16Array(bytes.slice(at + 8, at + 8 + frames * 2 * format.channels));
      return { rate: format.rate, channels: format.channels, frames, samples };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error("This WAV file holds no sound.");
}

/** @param {ArrayBuffer} bytes @param {number} at */
function tag(bytes, at) {
  return String.fromCharCode(...new Uint8Array(bytes, at, 4));
}
