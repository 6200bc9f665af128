/**
 * Takes the mask off sounds: each comes XORed with a stream of numbers from its key, so that what is on the line looks
 * the same for all of them. The arithmetic of listening/masking.py.
 */

/**
 * @param {ArrayBuffer} bytes changed in place
 * @param {string} key 32 hexadecimal digits
 */
export function unmask(bytes, key) {
  const [a, b, c, d] = [0, 8, 16, 24].map((at) => parseInt(key.slice(at, at + 8), 16) | 0);
  const stream = (at) => {
    let x = (Math.imul(at, 0x9e3779b1) + a) | 0;
    x = (Math.imul(x ^ (x >>> 16), 0x85ebca6b) + b) | 0;
    x = (Math.imul(x ^ (x >>> 13), 0xc2b2ae35) + c) | 0;
    x = (Math.imul(x ^ (x >>> 16), 0x2c1b3c6d) + d) | 0;
    x = Math.imul(x ^ (x >>> 15), 0x297a2d39);
    x = Math.imul(x ^ (x >>> 16), 0x735a2d97);
    return x ^ (x >>> 15);
  };
  const whole = bytes.byteLength >>> 2;
  const words = new Int32Array(bytes, 0, whole); // little-endian, as every browser's machine is
  for (let at = 0; at < whole; at++) words[at] ^= stream(at);
  const rest = new Uint8Array(bytes, 4 * whole);
  for (let at = 0; at < rest.length; at++) rest[at] ^= stream(whole) >>> (8 * at);
}
