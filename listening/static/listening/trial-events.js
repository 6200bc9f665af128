/** Writes down what happens on the trial page: what plays, where, and how the scores move. */

import { log } from "./events.js";

const RESTING = 500; // ms after which a slider that is not let go has arrived
const BETWEEN = 250; // ms between two notes of a moving slider

/** @param {import("./audio-engine.js").AudioEngine} engine */
export function watchSound(engine) {
  const before = { playing: false, current: engine.current, loop: engine.loop, passage: "" };
  engine.addEventListener("change", () => {
    const { playing, current, loop } = engine;
    const passage = engine.passage.map((seconds) => seconds.toFixed(3)).join(" ");
    if (playing && !before.playing) log.note("play", current, seconds(engine.position));
    else if (playing && current !== before.current) log.note("switch", current, seconds(engine.position));
    else if (!playing && before.playing) log.note("stop", before.current);
    if (loop !== before.loop) log.note(loop ? "loop_on" : "loop_off");
    if (before.passage && passage !== before.passage) log.note("passage", null, passage);
    Object.assign(before, { playing, current, loop, passage: engine.rate ? passage : "" });
  });
  engine.addEventListener("seek", (event) => log.note("seek", null, seconds(event.detail)));
  engine.addEventListener("level", (event) => log.note("level", null, event.detail));
  engine.addEventListener("blocked", () => log.note("sound_blocked"));
  engine.addEventListener("interrupted", () => log.note("sound_interrupted"));
  engine.addEventListener("resumed", () => log.note("sound_resumed"));
  engine.addEventListener("slower", () => log.note("device_rate", null, engine.deviceRate));
}

/**
 * Scores as they are saved, whatever control they come from. Of a move: its start, a few values on the way, its end.
 * @param {import("./autosave.js").Autosave} autosave
 * @param {Map<number, number | null>} scores what is known already, by slot
 */
export function watchScores(autosave, scores) {
  /** @type {Map<number, number>} timers by slot */
  const moving = new Map();
  /** @type {Map<string, number>} when each kind was noted of each slot */
  const noted = new Map();
  const note = (kind, slot) => {
    noted.set(`${kind} ${slot}`, performance.now());
    log.note(kind, slot, scores.get(slot));
  };
  const lately = (kind, slot) => performance.now() - (noted.get(`${kind} ${slot}`) ?? -Infinity) < BETWEEN;
  const arrive = (slot) => {
    clearTimeout(moving.get(slot));
    moving.delete(slot);
    note("score", slot);
  };
  autosave.addEventListener("put", ({ detail: { slot, score, now } }) => {
    const moved = score !== null && score !== scores.get(slot);
    if (!moved && !(now && moving.has(slot))) return;
    scores.set(slot, score);
    if (now && !lately("score", slot)) return arrive(slot); // a key that is held down arrives when it is let go
    if (!now && !lately("move", slot)) note("move", slot);
    clearTimeout(moving.get(slot));
    moving.set(slot, setTimeout(() => arrive(slot), RESTING));
  });
  addEventListener("pagehide", () => [...moving.keys()].forEach(arrive), { capture: true }); // before the log is sent
  const learn = ({ detail: { slot, score } }) => score !== null && scores.set(slot, score);
  autosave.addEventListener("elsewhere", learn);
  autosave.addEventListener("overruled", learn);
  autosave.addEventListener("state", () => {
    if (autosave.state === "offline") log.line(false);
    else if (autosave.state === "saved") log.line(true);
  });
}

/** @param {number} value whole milliseconds of it */
function seconds(value) {
  return Math.round(value * 1000) / 1000;
}
