/**
 * One of several sounds of the same length, sample by sample: which is heard, from where, and the ramps between.
 *
 * It runs on the audio thread, where no busy page can make it late, and knows nothing of browsers: blocks are asked
 * of it, and between two blocks it is told what to do. All sounds share one place in the clip, so that a switch goes
 * on at the same sample and nothing drifts.
 *
 * A switch, a jump and a stop close what is heard along a raised cosine of 5 ms and open what follows along another
 * (after ITU-R BS.1534-3). The ends of the passage have the same ramps, bound to the place and not to time.
 */

/** Seconds of one ramp. */
export const RAMP = 0.005;
/** Equal parts of a clip, of which it is told which were heard. */
export const PARTS = 100;
/** Full scale of 16 bits. */
const FULL_SCALE = 32768;

// What the mixer is at.
const STILL = 0; // nothing is heard
const RISING = 1;
const OPEN = 2;
const FALLING = 3;

/**
 * @typedef {object} Report
 * @property {boolean} playing
 * @property {number} asked how many calls of `play` and `stop` are behind it: a later one may be on its way
 * @property {number} current index of the sound that is heard, or would be
 * @property {number} frame place in the clip
 * @property {number[]} heard frames that each sound was heard
 * @property {number[]} plays how often each was started or switched to
 * @property {[number, number][]} parts sound and part of the clip, for each part that was heard since the last report for the first time
 */

export class Mixer {
  /** @type {(Int16Array | null)[]} interleaved */ #sounds;
  #phase = STILL;
  #step = 0; // samples of the ramp that are done
  #current = 0;
  #frame = 0;
  #loop = true;
  /** @type {[number, number][]} */ #parts = [];
  /** What comes when the sound is closed; null while it goes on as it is. */
  #next = null;

  /**
   * @param {object} format
   * @param {number} format.count of sounds
   * @param {number} format.rate Hz
   * @param {number} format.channels of each sound
   * @param {number} format.frames of each sound
   */
  constructor({ count, rate, channels, frames }) {
    this.channels = channels;
    this.frames = frames;
    this.first = 0;
    this.last = frames;
    this.ramp = Math.max(1, Math.round(RAMP * rate));
    this.weights = Float64Array.from({ length: this.ramp }, (_, i) => raisedCosine((i + 0.5) / this.ramp));
    this.#sounds = new Array(count).fill(null);
    this.heard = new Array(count).fill(0);
    this.plays = new Array(count).fill(0);
    this.known = Array.from({ length: count }, () => new Uint8Array(PARTS));
    this.asked = 0;
    /** Whether something changed by itself or as asked since `report` was last called. */
    this.changed = false;
  }

  get playing() {
    return this.#phase !== STILL;
  }

  /** @returns {Report} */
  report() {
    this.changed = false;
    return {
      playing: this.playing && !this.#next?.stop,
      asked: this.asked,
      current: this.#current,
      frame: this.#frame,
      heard: [...this.heard],
      plays: [...this.plays],
      parts: this.#parts.splice(0),
    };
  }

  /** @param {number} index @param {Int16Array} samples interleaved */
  add(index, samples) {
    if (samples.length !== this.frames * this.channels) throw new RangeError("The sounds differ in length.");
    this.#sounds[index] = samples;
  }

  /** Start a sound, or switch to it at the same sample. @param {number} index */
  play(index) {
    this.asked++;
    if (!this.#sounds[index]) return;
    if (this.#phase === STILL) {
      this.#take(index);
      this.#open();
    } else if (this.#next?.stop) {
      this.#next = { ...this.#next, index, stop: false };
    } else if (index !== this.#current || this.#next) {
      this.#change({ index });
    }
  }

  /** Close, and go back to the start of the passage. */
  stop() {
    this.asked++;
    if (this.#phase === STILL) this.#frame = this.first;
    else this.#change({ stop: true, frame: null });
  }

  /** @param {boolean} on */
  setLoop(on) {
    this.#loop = on;
  }

  /** Go to another place of the passage. @param {number} frame */
  seek(frame) {
    if (this.#phase === STILL) this.#frame = this.#inside(frame);
    else this.#change({ frame });
  }

  /** Hear only a part, from its start where the sound is not inside it. @param {number} first @param {number} last */
  setPassage(first, last) {
    if (this.#phase !== STILL) return this.#change({ passage: [first, last] });
    [this.first, this.last] = [first, last];
    if (this.#frame < first || this.#frame >= last) this.#frame = first;
  }

  /** Fill one block. @param {Float32Array[]} outputs one for each channel; further ones get the last channel */
  render(outputs) {
    const length = outputs[0].length;
    for (let i = 0; i < length; i++) {
      if (this.#phase === STILL) {
        for (const output of outputs) output.fill(0, i);
        return;
      }
      if (this.#phase === OPEN && this.#next) this.#turn(FALLING);
      const weight = this.#weight() / FULL_SCALE;
      const samples = this.#sounds[this.#current];
      const at = this.#frame * this.channels;
      for (let channel = 0; channel < outputs.length; channel++) {
        outputs[channel][i] = samples[at + Math.min(channel, this.channels - 1)] * weight;
      }
      this.heard[this.#current]++;
      this.#notePart();
      this.#advance();
    }
  }

  /** A part counts with its last frame: whoever begins within one hears too little of it, who leaves one too much. */
  #notePart() {
    const part = Math.floor((this.#frame * PARTS) / this.frames);
    if (this.known[this.#current][part] || Math.floor(((this.#frame + 1) * PARTS) / this.frames) === part) return;
    this.known[this.#current][part] = 1;
    this.#parts.push([this.#current, part]);
  }

  /** Gain at this sample: of the ramp under way, and of the passage's ends. */
  #weight() {
    let weight = 1;
    if (this.#phase === RISING) weight = this.weights[this.#step];
    else if (this.#phase === FALLING) weight = this.weights[this.ramp - 1 - this.#step];
    const edge = Math.min(this.#frame - this.first, this.last - 1 - this.#frame);
    return edge < this.ramp ? weight * this.weights[edge] : weight;
  }

  #advance() {
    this.#frame++;
    let ended = false;
    if (this.#frame >= this.last) {
      this.#frame = this.first;
      ended = !this.#loop;
    }
    if (ended) {
      if (this.#next) this.#settle();
      this.#turn(STILL);
    } else if (this.#phase === RISING || this.#phase === FALLING) {
      if (++this.#step < this.ramp) return;
      if (this.#phase === RISING) this.#turn(OPEN);
      else if (this.#settle()) this.#turn(STILL);
      else this.#open();
    }
  }

  /** Take over what was asked for. @returns {boolean} whether that is to stop */
  #settle() {
    const { index = this.#current, stop = false, frame, passage } = this.#next;
    this.#next = null;
    if (passage) [this.first, this.last] = passage;
    if (frame !== undefined) this.#frame = frame === null ? this.first : this.#inside(frame);
    else if (this.#frame < this.first || this.#frame >= this.last) this.#frame = this.first;
    if (!stop && index !== this.#current) this.#take(index);
    return stop;
  }

  /** @param {number} index */
  #take(index) {
    this.#current = index;
    this.plays[index]++;
    this.changed = true;
  }

  /** @param {object} wish */
  #change(wish) {
    this.#next = { ...this.#next, ...wish };
    this.changed = true;
  }

  #open() {
    this.#turn(this.#frame === this.first ? OPEN : RISING); // the passage brings its own ramp
  }

  /** @param {number} phase */
  #turn(phase) {
    this.#phase = phase;
    this.#step = 0;
    this.changed = true;
  }

  /** @param {number} frame */
  #inside(frame) {
    return Math.min(Math.max(frame, this.first), this.last - 1);
  }
}

/** @param {number} x 0 to 1 */
function raisedCosine(x) {
  return 0.5 - 0.5 * Math.cos(Math.PI * x);
}
