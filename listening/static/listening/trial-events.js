/** Writes down what happens on the trial page: what plays, where, and how the scores move. */

import { log } from "./events.js";
import { onFinishing } from "./leaving.js";

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
 * A move ends where its slider or key is let go, never by the clock: a busy page would take a pause for the end.
 * @param {import("./autosave.js").Autosave} autosave
 * @param {Map<number, number | null>} scores what is known already, by slot
 */
export function watchScores(autosave, scores) {
  /** @type {Set<number>} slots whose score is on its way */
  const moving = new Set();
  /** @type {Map<number, number>} when a value on the way was noted, by slot */
  const noted = new Map();
  const arrive = (slot) => {
    moving.delete(slot);
    log.note("score", slot, scores.get(slot));
  };
  autosave.addEventListener("put", ({ detail: { slot, score, now } }) => {
    const moved = score !== null && score !== scores.get(slot);
    if (moved) scores.set(slot, score);
    if (now && (moved || moving.has(slot))) return arrive(slot);
    if (!moved) return;
    moving.add(slot);
    if (performance.now() - (noted.get(slot) ?? -Infinity) < BETWEEN) return;
    noted.set(slot, performance.now());
    log.note("move", slot, score);
  });
  onFinishing(() => moving.forEach(arrive));
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
