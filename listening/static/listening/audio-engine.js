/**
 * Plays one of several sounds of the same length, and switches between them at the same sample.
 *
 * The mixing is done by `mixer.js`, on the audio thread where the browser has AudioWorklets (they need https or
 * localhost), else in a script processor: the same samples, only later by its larger blocks. This module is what a
 * page talks to: it makes the sound output at the first click, at the rate of the sounds, and gets it back when
 * something takes it away.
 */

import { Mixer } from "./mixer.js";

export { RAMP } from "./mixer.js";
/** Seconds of the shortest passage. */
export const SHORTEST = 0.5;
const PATIENCE = 3000; // ms that the browser gets to let sound out
const LOOK = 1000; // ms between two looks at whether the sound still runs
const STUCK = 3; // looks without any progress after which the output is made anew
const BLOCK = 1024; // frames of the script processor
const AUDIBLE = 20_000; // Hz; nobody misses what is above
const GLIDE = 0.015; // s, time constant of a change of the level: no click

/**
 * Events: `change` when what plays, the loop or the passage changed; `seek` with the seconds gone to; `blocked` when the browser lets no sound out;
 * `interrupted` when it took the sound away, `resumed` when it gave it back; `unsupported` when the browser can't
 * play at the rate of the sounds; `slower` when the device has a lower rate (`deviceRate`);
 * `level` with the gain in dB when it changed.
 */
export class AudioEngine extends EventTarget {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {{send: (...message: any[]) => void, gain: AudioParam, close: () => void} | null} */ #output = null;
  /** @type {Promise<void> | null} */ #making = null;
  /** @type {import("./mixer.js").Report & {at: number} | null} */ #report = null;
  #request = 0;
  #asked = 0; // messages to play or stop that this output got
  #playing = false;
  #current = 0;
  #loop = true;
  #rest = 0; // frame where the next start begins
  #interrupted = false;
  #unsupported = false;
  #level = 0; // dB
  #looks = { at: 0, stuck: 0 };
  #counted = { frames: [], plays: [] }; // of outputs that are gone
  /** @type {bigint[]} */ #parts;

  /** @param {number} count of sounds */
  constructor(count) {
    super();
    /** Hz of the sound device; 0 until the first sound. */
    this.deviceRate = 0;
    /** @type {(import("./wav.js").Sound | null)[]} */
    this.sounds = new Array(count).fill(null);
    this.rate = 0;
    this.frames = 0;
    this.first = 0;
    this.last = 0;
    this.#counted = { frames: new Array(count).fill(0), plays: new Array(count).fill(0) };
    this.#parts = new Array(count).fill(0n);
    // What may have given the sound back: the rater looks at the page again, or plugged something in.
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#wake());
    setInterval(() => this.#look(), LOOK);
  }

  /**
   * Make a sound playable.
   * @param {number} index
   * @param {import("./wav.js").Sound} sound
   * @throws {RangeError} if it has another rate, length or number of channels than the first
   */
  add(index, sound) {
    if (!this.rate) {
      ({ rate: this.rate, frames: this.frames, channels: this.channels } = sound);
      this.last = this.frames;
    } else if (["rate", "frames", "channels"].some((each) => sound[each] !== this[each])) {
      throw new RangeError("The sounds differ in rate, length or channels.");
    }
    this.sounds[index] = sound;
    this.#send("add", index, sound.samples);
    this.#changed();
  }

  get playing() {
    return this.#playing;
  }

  /** Whether something plays and the browser lets it out. */
  get audible() {
    return this.#playing && !this.#interrupted;
  }

  /** Whether the device can't reproduce what the sounds may hold and ears can hear. */
  get losesTreble() {
    return this.deviceRate > 0 && this.deviceRate / 2 < Math.min(this.rate / 2, AUDIBLE);
  }

  /** Gain behind the mixer, dB; 0, which changes no sample, until `setLevel` is called. */
  get level() {
    return this.#level;
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
    return this.rate ? [this.first / this.rate, this.last / this.rate] : [0, 0];
  }

  /** Where in the clip the sound is, seconds. */
  get position() {
    if (!this.rate) return 0;
    if (!this.#playing || !this.#report) return this.#rest / this.rate;
    const later = Math.max(0, this.#context.currentTime * this.#context.sampleRate - this.#report.at);
    const frame = Math.max(this.first, this.#report.frame) + later;
    const length = this.last - this.first;
    const inside = this.#loop ? (frame - this.first) % length : Math.min(frame - this.first, length);
    return (this.first + inside) / this.rate;
  }

  /** Seconds that each sound was heard. */
  get seconds() {
    return this.sounds.map((_, i) => (this.#counted.frames[i] + (this.#report?.heard[i] ?? 0)) / (this.rate || 1));
  }

  /** Which parts of the clip each sound was heard in, a bit each. @returns {bigint[]} */
  get parts() {
    return this.#parts;
  }

  /** How often each sound was started or switched to. */
  get plays() {
    return this.sounds.map((_, i) => this.#counted.plays[i] + (this.#report?.plays[i] ?? 0));
  }

  /**
   * Start a sound, or switch to it at the same sample. One that has not come yet is left alone.
   * @param {number} index
   */
  async play(index) {
    if (!this.sounds[index]) return;
    const request = ++this.#request;
    if (!(await this.#awake())) {
      if (request === this.#request && !this.#unsupported) this.dispatchEvent(new Event("blocked"));
      return;
    }
    if (request !== this.#request) return; // stopped, or another sound was asked for, while the browser woke up
    if (this.#playing && index === this.#current) return;
    this.#playing = true;
    this.#current = index;
    this.#send("play", index);
    this.#changed();
  }

  /** Stop, and go back to the start of the passage. */
  stop() {
    this.#request++;
    this.#rest = this.first;
    this.#send("stop");
    if (!this.#playing) return;
    this.#playing = false;
    this.#changed();
  }

  /** @param {boolean} on */
  setLoop(on) {
    this.#loop = on;
    this.#send("setLoop", on);
    this.#changed();
  }

  /** @param {number} level dB, at most 0 */
  setLevel(level) {
    if (level === this.#level) return;
    this.#level = level;
    this.#output?.gain.setTargetAtTime(toGain(level), this.#context.currentTime, GLIDE);
    this.dispatchEvent(new CustomEvent("level", { detail: level }));
  }

  /**
   * Go to another place of the clip, inside the passage.
   * @param {number} seconds
   */
  seek(seconds) {
    this.#rest = Math.min(Math.max(Math.round(seconds * this.rate), this.first), this.last - 1);
    this.#send("seek", this.#rest);
    if (this.#report) this.#report = { ...this.#report, frame: this.#rest, at: this.#now() };
    this.dispatchEvent(new CustomEvent("seek", { detail: this.#rest / this.rate }));
    this.#changed();
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
    const at = Math.round(this.position * this.rate);
    [this.first, this.last] = [first, last];
    this.#rest = at >= first && at < last ? at : first;
    this.#send("setPassage", first, last);
    if (this.#report) this.#report = { ...this.#report, frame: this.#rest, at: this.#now() };
    this.#changed();
  }

  /** Frames that the output has given. */
  #now() {
    return this.#context.currentTime * this.#context.sampleRate;
  }

  /** Whether the browser lets sound out. */
  async #awake() {
    this.#making ??= this.#make().catch((error) => {
      console.error(error);
      this.#making = null;
    });
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    // Asked for before anything is waited for: the click that allows it must not be over.
    const resumed = this.#context && this.#context.state !== "running" && this.#context.resume().catch(() => {});
    await Promise.race([Promise.all([this.#making, resumed]), late]);
    return this.#context?.state === "running" && this.#output !== null;
  }

  /** Make the output. Its first part runs at once, inside the click. */
  async #make() {
    if (navigator.audioSession) navigator.audioSession.type = "playback"; // an iPhone's silent switch mutes all else
    let context;
    try {
      context = new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
    } catch (error) {
      this.#unsupported = true;
      this.dispatchEvent(new Event("unsupported"));
      throw error;
    }
    this.#context = context;
    this.#looks = { at: 0, stuck: 0 };
    context.addEventListener("statechange", () => context === this.#context && this.#stateChanged());
    const format = { count: this.sounds.length, rate: this.rate, channels: this.channels, frames: this.frames };
    const output = await makeOutput(context, format, (report) => context === this.#context && this.#heard(report));
    if (context !== this.#context) return output.close();
    this.#output = output;
    output.gain.value = toGain(this.#level);
    this.sounds.forEach((sound, index) => sound && this.#send("add", index, sound.samples));
    if (this.first !== 0 || this.last !== this.frames) this.#send("setPassage", this.first, this.last);
    if (!this.#loop) this.#send("setLoop", false);
    this.#send("seek", this.#rest);
    const probe = new AudioContext(); // the browser converts in silence; a context without wishes has the device's rate
    this.deviceRate = probe.sampleRate;
    probe.close().catch(() => {});
    if (this.deviceRate < this.rate) this.dispatchEvent(new Event("slower"));
  }

  /** @param {any[]} message */
  #send(...message) {
    if (this.#output && (message[0] === "play" || message[0] === "stop")) this.#asked++;
    this.#output?.send(...message);
  }

  /** @param {import("./mixer.js").Report & {at: number}} report */
  #heard(report) {
    this.#report = report;
    for (const [index, part] of report.parts) this.#parts[index] |= 1n << BigInt(part);
    if (this.#playing && !report.playing && report.asked === this.#asked) {
      this.#playing = false; // the end of the passage: nothing else stops without being asked
      this.#rest = this.first;
      this.#changed();
    }
  }

  #stateChanged() {
    const running = this.#context.state === "running";
    if (this.#playing && !running && !this.#interrupted) {
      this.#interrupted = true;
      this.dispatchEvent(new Event("interrupted"));
    } else if (running && this.#interrupted) {
      this.#interrupted = false;
      this.dispatchEvent(new Event("resumed"));
    }
  }

  /** Ask for the sound back; where the browser wants a click first, the next one brings it. */
  #wake() {
    if (this.#interrupted && this.#context) this.#context.resume().catch(() => {});
  }

  /** An output that says it runs and does not is made anew: the device behind it has gone. */
  #look() {
    if (!this.#playing || this.#interrupted || this.#context?.state !== "running") return;
    const at = this.#context.currentTime;
    this.#looks = { at, stuck: at > this.#looks.at ? 0 : this.#looks.stuck + 1 };
    if (this.#looks.stuck < STUCK) return;
    const index = this.#current;
    this.#rest = Math.round(this.position * this.rate);
    this.#discard();
    this.#playing = false;
    this.play(index);
  }

  #discard() {
    this.#report?.heard.forEach((n, i) => (this.#counted.frames[i] += n));
    this.#report?.plays.forEach((n, i) => (this.#counted.plays[i] += n));
    this.#report = null;
    this.#asked = 0;
    this.#output?.close();
    this.#context?.close().catch(() => {});
    this.#output = this.#context = this.#making = null;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Put a mixer behind a context's destination.
 * @param {AudioContext} context
 * @param {object} format as the mixer takes it
 * @param {(report: import("./mixer.js").Report & {at: number}) => void} onreport
 */
async function makeOutput(context, format, onreport) {
  if (context.audioWorklet) {
    try {
      await context.audioWorklet.addModule(new URL("./mixer-worklet.js", import.meta.url));
      return workletOutput(context, format, onreport);
    } catch (error) {
      console.error(error); // the module could not be fetched: this one is here already
    }
  }
  return scriptOutput(context, format, onreport);
}

function workletOutput(context, format, onreport) {
  const node = new AudioWorkletNode(context, "mixer", {
    numberOfInputs: 0,
    outputChannelCount: [format.channels],
    processorOptions: format,
  });
  node.port.onmessage = ({ data }) => onreport(data);
  const gain = connect(node);
  return {
    send: (...message) => node.port.postMessage(message),
    gain: gain.gain,
    close: () => {
      node.port.postMessage(["close"]);
      gain.disconnect();
    },
  };
}

function scriptOutput(context, format, onreport) {
  const mixer = new Mixer(format);
  const node = context.createScriptProcessor(BLOCK, 0, format.channels);
  let at = 0;
  node.onaudioprocess = ({ outputBuffer, playbackTime }) => {
    mixer.render(Array.from({ length: outputBuffer.numberOfChannels }, (_, i) => outputBuffer.getChannelData(i)));
    at = playbackTime * context.sampleRate + outputBuffer.length;
    if (mixer.changed || mixer.playing) onreport({ ...mixer.report(), at });
  };
  const gain = connect(node);
  return {
    send: (method, ...values) => mixer[method](...values),
    gain: gain.gain,
    close: () => {
      node.onaudioprocess = null;
      gain.disconnect();
    },
  };
}

/** Put a gain between a mixer and the destination. @param {AudioNode} node */
function connect(node) {
  const gain = node.context.createGain();
  node.connect(gain).connect(node.context.destination);
  return gain;
}

/** @param {number} level dB */
function toGain(level) {
  return level === 0 ? 1 : 10 ** (level / 20);
}
