/** The page of the level: a clip's reference in a loop, and a slider. */

import { AudioEngine } from "./audio-engine.js";
import { gettext } from "./i18n.js";
import { inDecibels, LevelSaver } from "./level-control.js";
import { fetchSound, notify, watchOutput } from "./sound-page.js";

const setup = JSON.parse(document.getElementById("setup").textContent);
const $ = (id) => document.getElementById(id);
const engine = new AudioEngine(1);
const saver = new LevelSaver(setup.save_url);
let heard = false;

$("level").value = setup.level; // a reload shows what was kept, not what the browser remembers of the form
$("level").addEventListener("input", show);
$("level").addEventListener("change", () => saver.put(Number($("level").value)));
$("play").addEventListener("click", () => (engine.playing ? engine.stop() : engine.play(0)));
engine.addEventListener("change", () => {
  heard ||= engine.playing;
  if (engine.playing) notify("");
  showPlaying();
});
watchOutput(engine, () => engine.stop());
show();
showPlaying();
await fetchSound(engine, 0, setup.sound, setup.page_url);
showPlaying();

function show() {
  const level = Number($("level").value);
  engine.setLevel(level);
  $("level-now").textContent = inDecibels(level);
  $("level").setAttribute("aria-valuetext", inDecibels(level));
}

function showPlaying() {
  $("play").disabled = !engine.sounds[0];
  $("play").classList.toggle("on", engine.playing);
  $("play-text").textContent = engine.playing ? gettext("Stop") : gettext("Play");
  $("begin").disabled = !heard;
  $("first").textContent = heard ? "" : gettext("Press Play first.");
}
