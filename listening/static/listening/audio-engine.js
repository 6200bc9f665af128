/**
 * Plays one of several sounds of the same length, and switches between them at the same instant.
 *
 * All sounds run together from one start, each behind a gain; what is heard is which gain is open.
 * A switch closes one gain in 5 ms and then opens the other in 5 ms, both along a raised cosine
 * (after ITU-R BS.1534-3). The ends of the passage carry the same ramps in the samples themselves,
 * so a loop runs without any timer. The first sound comes from a click or key: browsers ask for it.
 */

import { FULL_SCALE } from "./wav.js";

/** Seconds of one ramp. */
export const RAMP = 0.005;
/** Seconds of the shortest passage. */
export const SHORTEST = 0.5;
const LEAD = 0.02; // seconds between a click and what it starts, so that nothing is scheduled in the past
const PATIENCE = 3000; // ms that the browser gets to let sound out

/**
 * @typedef {object} Run what is started together
 * @property {AudioBufferSourceNode[]} sources
 * @property {GainNode[]} gains
 * @property {number} at context time of the start
 * @property {number} offset frames into the passage at the start
 * @property {number} skipped whole passes before the loop was switched off
 */

/**
 * Events: `change` when what plays, the loop or the passage changed; `blocked` when the browser lets no sound out;
 * `interrupted` when it took the sound away.
 */
export class AudioEngine extends EventTarget {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {Run | null} */ #run = null;
  #request = 0;
  #current = 0;
  #loop = true;
  #rest = 0; // frames into the passage at which the next start begins
  #rampEnds = 0;
  #countedTo = 0;

  /** @param {import("./wav.js").Sound[]} sounds */
  constructor(sounds) {
    super();
    this.sounds = sounds;
    this.rate = sounds[0].rate;
    this.frames = Math.min(...sounds.map((sound) => sound.frames));
    /** Seconds that each sound was heard, and how often it was started or switched to. */
    this.seconds = sounds.map(() => 0);
    this.plays = sounds.map(() => 0);
    this.#cut(0, this.frames);
  }

  get playing() {
    return this.#run !== null;
  }

  /** Index of the sound that plays, or would. */
  get current() {
    return this.#current;
  }

  get loop() {
    return this.#loop;
  }

  /** Start and end of the passage, seconds. */
  get passage() {
    return [this.first / this.rate, this.last / this.rate];
  }

  /** Where in the clip the sound is, seconds. */
  get position() {
    return (this.first + this.#frame()) / this.rate;
  }

  /**
   * Start a sound, or switch to it at the same instant.
   * @param {number} index
   */
  async play(index) {
    const request = ++this.#request;
    if (!(await this.#awake())) {
      if (request === this.#request) this.dispatchEvent(new Event("blocked"));
      return;
    }
    if (request !== this.#request) return; // stopped, or another sound was asked for, while the browser woke up
    if (!this.#run) {
      this.#current = index;
      this.plays[index]++;
      this.#begin(this.#time(LEAD), this.#rest);
    } else if (index !== this.#current) {
      this.count();
      const at = this.#rampTime();
      this.#ramp(this.#run.gains[this.#current], at, false);
      this.#ramp(this.#run.gains[index], at + RAMP, true);
      this.#rampEnds = at + 2 * RAMP;
      this.#current = index;
      this.plays[index]++;
    }
    this.#changed();
  }

  /** Stop, and go back to the start of the passage. */
  stop() {
    this.#request++;
    this.#rest = 0;
    if (!this.#run) return;
    this.count();
    this.#end(this.#rampTime());
    this.#changed();
  }

  /** @param {boolean} on */
  setLoop(on) {
    if (this.#run) {
      if (!on) this.#run.skipped = Math.floor(this.#elapsed() / (this.last - this.first));
      for (const source of this.#run.sources) source.loop = on;
    }
    this.#loop = on;
    this.#changed();
  }

  /**
   * Go to another place of the clip, inside the passage.
   * @param {number} seconds
   */
  seek(seconds) {
    const frame = Math.round(seconds * this.rate) - this.first;
    this.#jump(Math.min(Math.max(frame, 0), this.last - this.first - 1));
  }

  /**
   * Hear only a part of the clip.
   * @param {number} start seconds
   * @param {number} end seconds, at least SHORTEST later
   */
  setPassage(start, end) {
    const least = Math.min(Math.round(SHORTEST * this.rate), this.frames);
    const first = Math.min(Math.max(Math.round(start * this.rate), 0), this.frames - least);
    const last = Math.min(Math.max(Math.round(end * this.rate), first + least), this.frames);
    if (first === this.first && last === this.last) return;
    const at = this.first + this.#frame();
    this.#cut(first, last);
    this.#jump(at >= first && at < last ? at - first : 0);
  }

  /** Add up what was heard until now. */
  count() {
    if (!this.#run) return;
    const now = this.#context.currentTime;
    const end = this.#loop ? now : Math.min(now, this.#endTime());
    this.seconds[this.#current] += Math.max(0, end - this.#countedTo);
    this.#countedTo = Math.max(this.#countedTo, end);
  }

  /** Buffers of the passage, with ramps at its ends. @param {number} first @param {number} last */
  #cut(first, last) {
    this.first = first;
    this.last = last;
    const length = last - first;
    const ramp = Math.min(Math.round(RAMP * this.rate), Math.floor(length / 2));
    this.buffers = this.sounds.map((sound) => {
      const buffer = new AudioBuffer({ length, numberOfChannels: sound.channels, sampleRate: sound.rate });
      for (let channel = 0; channel < sound.channels; channel++) {
        const out = buffer.getChannelData(channel);
        for (let i = 0, at = first * sound.channels + channel; i < length; i++, at += sound.channels) {
          out[i] = sound.samples[at] / FULL_SCALE;
        }
        for (let i = 0; i < ramp; i++) {
          const weight = raisedCosine((i + 0.5) / ramp);
          out[i] *= weight;
          out[length - 1 - i] *= weight;
        }
      }
      return buffer;
    });
  }

  /** Start all sounds together. @param {number} at @param {number} offset frames into the passage */
  #begin(at, offset) {
    const context = this.#context;
    const gains = [];
    const sources = this.buffers.map((buffer) => {
      const source = new AudioBufferSourceNode(context, { buffer, loop: this.#loop });
      const gain = new GainNode(context, { gain: 0 });
      source.connect(gain).connect(context.destination);
      source.start(at, offset / this.rate);
      gains.push(gain);
      return source;
    });
    const run = { sources, gains, at, offset, skipped: 0 };
    sources[0].onended = () => this.#ranOut(run);
    if (offset === 0) gains[this.#current].gain.setValueAtTime(1, at); // the passage brings its own ramp
    else this.#ramp(gains[this.#current], at, true);
    this.#rampEnds = at + (offset === 0 ? 0 : RAMP);
    this.#countedTo = at;
    this.#run = run;
  }

  /** Fade out and end what runs. @param {number} at */
  #end(at) {
    const run = this.#run;
    this.#run = null;
    this.#ramp(run.gains[this.#current], at, false);
    run.sources.forEach((source) => source.stop(at + RAMP));
    run.sources[0].onended = () => run.gains.forEach((gain) => gain.disconnect());
  }

  /** @param {number} frame into the passage */
  #jump(frame) {
    if (this.#run) {
      this.count();
      const at = this.#rampTime();
      this.#end(at);
      this.#begin(this.#onFrame(at + RAMP), frame);
    } else {
      this.#rest = frame;
    }
    this.#changed();
  }

  /** @param {Run} run */
  #ranOut(run) {
    run.gains.forEach((gain) => gain.disconnect());
    if (run !== this.#run) return;
    this.count();
    this.#run = null;
    this.#rest = 0;
    this.#changed();
  }

  /** Frames played since the start of the passage in which the run began. */
  #elapsed() {
    return Math.max(0, (this.#context.currentTime - this.#run.at) * this.rate) + this.#run.offset;
  }

  /** Frames into the passage. */
  #frame() {
    if (!this.#run) return this.#rest;
    const length = this.last - this.first;
    if (this.#loop) return this.#elapsed() % length;
    return Math.min(this.#elapsed() - this.#run.skipped * length, length);
  }

  #endTime() {
    const { at, offset, skipped } = this.#run;
    return at + ((skipped + 1) * (this.last - this.first) - offset) / this.rate;
  }

  /** When the next ramp may begin: soon, and a sample after the last one, for two curves must not touch. */
  #rampTime() {
    return this.#onFrame(Math.max(this.#time(LEAD), this.#rampEnds + 1 / this.#context.sampleRate));
  }

  /** @param {number} later seconds from now */
  #time(later) {
    return this.#onFrame(this.#context.currentTime + later);
  }

  /** A source that starts between two samples would be interpolated. @param {number} time */
  #onFrame(time) {
    return Math.ceil(time * this.#context.sampleRate - 1e-6) / this.#context.sampleRate;
  }

  /** @param {GainNode} node @param {number} at @param {boolean} open */
  #ramp(node, at, open) {
    const points = Math.round(RAMP * this.#context.sampleRate) + 1;
    const curve = Float32Array.from({ length: points }, (_, i) =>
      raisedCosine(open ? i / (points - 1) : 1 - i / (points - 1)),
    );
    node.gain.setValueCurveAtTime(curve, at, RAMP);
  }

  /** Whether the browser lets sound out. */
  async #awake() {
    if (!this.#context) {
      try {
        this.#context = new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
      } catch {
        this.#context = new AudioContext(); // a rate that this browser can't do: it resamples on the way out
      }
      this.#context.addEventListener("statechange", () => {
        if (this.#run && this.#context.state !== "running") this.dispatchEvent(new Event("interrupted"));
      });
    }
    if (this.#context.state === "running") return true;
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([this.#context.resume().catch(() => {}), late]);
    return this.#context.state === "running";
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {number} x 0 to 1 */
function raisedCosine(x) {
  return 0.5 - 0.5 * Math.cos(Math.PI * x);
}
