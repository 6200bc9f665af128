/** The mixer on the audio thread. Messages in are `[method, ...arguments]`; messages out are reports. */

import { Mixer } from "./mixer.js";

const REPORT_EVERY = 2048; // frames

class MixerProcessor extends AudioWorkletProcessor {
  #unreported = 0;

  constructor({ processorOptions }) {
    super();
    this.mixer = new Mixer(processorOptions);
    this.port.onmessage = ({ data: [method, ...values] }) => {
      if (method === "close") this.closed = true;
      else this.mixer[method](...values);
    };
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, [output]) {
    this.mixer.render(output);
    this.#unreported += output[0].length;
    if (this.mixer.changed || (this.mixer.playing && this.#unreported >= REPORT_EVERY)) {
      this.#unreported = 0;
      this.port.postMessage({ ...this.mixer.report(), at: currentFrame + output[0].length });
    }
    return !this.closed;
  }
}

registerProcessor("mixer", MixerProcessor);
