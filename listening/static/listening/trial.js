/** The trial page: sounds, sliders, saving and the way on. */

import { AudioEngine, SHORTEST } from "./audio-engine.js";
import { Autosave } from "./autosave.js";
import { gettext, interpolate, number } from "./i18n.js";
import { ScoreSlider } from "./score-slider.js";
import { listenForKeys } from "./shortcuts.js";
import { load, preload } from "./sounds.js";
import { Timeline } from "./timeline.js";
import { watchScores, watchSound } from "./trial-events.js";

const TICK = 250; // ms between two looks at what was heard
const HEARD_SAVED = 2; // seconds of further play after which the heard count is saved again

const setup = JSON.parse(document.getElementById("setup").textContent);
const $ = (id) => document.getElementById(id);
const engine = new AudioEngine(1 + setup.slots.length);
/** Whether every sound is there: from then on the rater may rate. */
let complete = false;

/** What this rater did with each slot; `base` is what was heard before this page was loaded. */
const slots = setup.slots.map((saved) => ({
  slot: saved.slot,
  base: { plays: saved.plays, seconds: saved.seconds_heard },
  score: saved.score,
  row: document.querySelector(`.signal[data-slot="${saved.slot}"]`),
  saved: { plays: saved.plays, seconds: saved.seconds_heard },
}));

/** Play buttons: the reference's, then the slots'. */
const playButtons = [$("play-reference"), ...slots.map((slot) => slot.row.querySelector(".play"))];
/** @type {Timeline | null} */
let timeline = null;
let following = false;

const autosave = new Autosave({
  url: setup.save_url,
  rater: setup.rater,
  trial: setup.trial,
  revision: Math.max(...setup.slots.map((saved) => saved.revision)),
});
for (const write of autosave.recover(new Map(setup.slots.map((saved) => [saved.slot, saved.revision])))) adopt(write);

for (const slot of slots) {
  const [input, output] = [slot.row.querySelector("input"), slot.row.querySelector("output")];
  slot.slider = new ScoreSlider(input, output, (score, done) => {
    if (score === slot.score && !done) return;
    slot.score = score;
    save(slot, done);
    showMissing();
  });
  slot.slider.score = slot.score;
}

watchSound(engine);
watchScores(autosave, new Map(slots.map((slot) => [slot.slot, slot.score])));
autosave.addEventListener("state", showSaving);
autosave.addEventListener("overruled", (event) => adopt(event.detail));
autosave.addEventListener("elsewhere", (event) => adopt(event.detail));
$("again").addEventListener("click", begin);
$("help-open").addEventListener("click", () => $("help").showModal());
$("onward").addEventListener("submit", goOn);
$("desk").style.setProperty("--signals", String(slots.length));

wireDesk();
showMissing();
showSaving();
begin();

/** Load the sounds that are not there yet. Each can be heard once it has come; rating starts when all have. */
async function begin() {
  $("again").hidden = true;
  $("loading").classList.remove("failed");
  $("loading-text").textContent = gettext("Loading the sounds of this page…");
  try {
    const sounds = [setup.reference, ...setup.slots];
    await load(
      sounds.map((sound, index) => (engine.sounds[index] ? null : sound)),
      { onsound: arrived, onprogress: (share) => ($("loading-bar").value = share) },
    );
    complete = true;
    $("loading").hidden = true;
    for (const slot of slots) slot.slider.input.disabled = false;
    showMissing();
    preload(setup.next);
  } catch (error) {
    $("loading").classList.add("failed");
    if (error.status >= 400 && error.status < 500) {
      $("loading-text").textContent = error.message;
      $("again").textContent = gettext("Reload the page");
      $("again").addEventListener("click", () => location.replace(setup.page_url), { once: true });
    } else {
      console.error(error);
      $("loading-text").textContent = gettext(
        "Some sounds could not be loaded. Check your connection and try again; your ratings so far are safe.",
      );
    }
    $("again").hidden = false;
    $("again").focus();
  }
}

/** @param {number} index 0 is the reference @param {import("./wav.js").Sound} sound */
function arrived(index, sound) {
  engine.add(index, sound);
  playButtons[index].disabled = false;
  if (index > 0) return;
  timeline = new Timeline($("timeline"), sound, {
    shortest: SHORTEST,
    onpassage: (start, end) => engine.setPassage(start, end),
    onseek: (seconds) => engine.seek(seconds),
  });
}

/** Buttons, keys and what the engine tells. */
function wireDesk() {
  const play = (index) => engine.play(index);
  const toggle = () => (engine.playing ? engine.stop() : engine.play(engine.current));
  const loop = () => engine.setLoop(!engine.loop);
  playButtons.forEach((button, index) => button.addEventListener("click", () => play(index)));
  $("stop").addEventListener("click", () => engine.stop());
  $("loop").addEventListener("click", loop);
  $("whole").addEventListener("click", () => {
    engine.setPassage(0, Infinity);
    $("play-reference").focus(); // the button that was pressed goes away
  });
  listenForKeys({ signals: slots.length, play, toggle, loop, help: () => $("help").showModal() });
  engine.addEventListener("change", showPlaying);
  engine.addEventListener("blocked", () =>
    notify(gettext("Your browser lets no sound out. Check that a sound device is connected, then press play again.")),
  );
  engine.addEventListener("interrupted", () => notify(gettext("The sound was interrupted. Press play to go on.")));
  engine.addEventListener("resumed", () => notify(""));
  engine.addEventListener("unsupported", () =>
    notify(
      interpolate(gettext("This browser can't play sounds of %(rate)s. Please open your link in another one."), {
        rate: kHz(engine.rate),
      }),
    ),
  );
  engine.addEventListener("slower", () => {
    $("device-note").hidden = false;
    $("device-note-text").textContent = interpolate(
      gettext(
        "Your sound device runs at %(device)s, these sounds at %(rate)s: treble may be lost. Use other headphones if you can. Bluetooth headsets do this while their microphone is on.",
      ),
      { device: kHz(engine.deviceRate), rate: kHz(engine.rate) },
    );
  });
  $("device-note-close").addEventListener("click", () => ($("device-note").hidden = true));
  setInterval(() => {
    if (!engine.playing) return;
    saveHeard(HEARD_SAVED);
    showMissing();
  }, TICK);
  addEventListener("pagehide", () => saveHeard(0), { capture: true }); // before the autosave sends what waits
  showPlaying();
}

function showPlaying() {
  const [start, end] = engine.passage;
  playButtons.forEach((button, index) => {
    const on = index === engine.current;
    button.setAttribute("aria-pressed", String(on && engine.playing));
    button.parentElement.classList.toggle("current", on);
    button.parentElement.classList.toggle("sounding", on && engine.playing);
  });
  $("loop").setAttribute("aria-pressed", String(engine.loop));
  $("stop").disabled = !engine.playing;
  $("whole").hidden = !timeline || (start === 0 && end === timeline.seconds);
  timeline?.setPassage(start, end);
  if (engine.playing) notify("");
  saveHeard(0);
  showMissing();
  requestAnimationFrame(follow);
}

/** Move the playhead for as long as something plays. */
function follow() {
  if (following) return;
  following = true;
  const draw = () => {
    timeline?.setPosition(engine.position);
    $("clock").textContent = interpolate(gettext("%(seconds)s s"), { seconds: number(engine.position, 1) });
    following = engine.playing;
    if (following) requestAnimationFrame(draw);
  };
  draw();
}

/** @param {number} hertz */
function kHz(hertz) {
  return interpolate(gettext("%(rate)s kHz"), { rate: number(hertz / 1000, 0, 3) });
}

/** What was heard of a slot in all, whole milliseconds so that page and server agree. */
function heard(slot) {
  const plays = slot.base.plays + engine.plays[slot.slot];
  const seconds = slot.base.seconds + engine.seconds[slot.slot];
  return { plays, seconds: Math.floor(seconds * 1000 + 1e-6) / 1000 };
}

/** @param {number} least seconds of new play that are worth a write */
function saveHeard(least) {
  for (const slot of slots) {
    const { plays, seconds } = heard(slot);
    const crossed = slot.saved.seconds < setup.heard_seconds && seconds >= setup.heard_seconds;
    const more = seconds - slot.saved.seconds;
    if (crossed || more > least || (least === 0 && plays > slot.saved.plays)) save(slot, false);
  }
}

/** @param {boolean} now */
function save(slot, now) {
  const { plays, seconds } = heard(slot);
  slot.saved = { plays, seconds };
  autosave.put({ slot: slot.slot, score: slot.score, plays, seconds_heard: seconds }, now);
}

/** Take over what another tab or device, or this page before it was reloaded, knows better. */
function adopt(write) {
  const slot = slots.find((each) => each.slot === write.slot);
  const { plays, seconds } = heard(slot);
  slot.base.plays += Math.max(0, write.plays - plays);
  slot.base.seconds += Math.max(0, write.seconds_heard - seconds);
  if (write.score !== null) slot.score = write.score;
  if (slot.slider) {
    slot.slider.score = slot.score;
    showMissing();
  }
}

function showMissing() {
  const unheard = [];
  const unrated = [];
  for (const slot of slots) {
    const share = setup.heard_seconds > 0 ? Math.min(1, heard(slot).seconds / setup.heard_seconds) : 1;
    slot.row.style.setProperty("--heard", share.toFixed(2));
    slot.row.classList.toggle("is-heard", share === 1);
    if (share < 1) unheard.push(slot.slot);
    if (slot.score === null) unrated.push(slot.slot);
  }
  const text = [
    unheard.length ? interpolate(gettext("Still to hear: %(sounds)s."), { sounds: inRuns(unheard) }) : "",
    unrated.length ? interpolate(gettext("Still to rate: %(sounds)s."), { sounds: inRuns(unrated) }) : "",
  ];
  const missing = complete
    ? text.filter(Boolean).join(" ") || gettext("You have heard and rated every sound.")
    : gettext("You can listen to the sounds that are there. Rating starts when all are.");
  if ($("missing").textContent !== missing) $("missing").textContent = missing;
  $("next").disabled = !complete || unheard.length + unrated.length > 0 || $("onward").classList.contains("busy");
}

/** "1–4, 6, 8": three or more in a row as one run. @param {number[]} numbers */
function inRuns(numbers) {
  const runs = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run.at(-1) === number - 1) run.push(number);
    else runs.push([number]);
  }
  const comma = gettext(", ");
  return runs.map((run) => (run.length > 2 ? `${run[0]}–${run.at(-1)}` : run.join(comma))).join(comma);
}

function showSaving() {
  const texts = {
    saved: slots.some((slot) => slot.score !== null) ? gettext("Saved") : "",
    saving: gettext("Saving…"),
    offline: gettext("No connection. Kept on this device."),
    refused: gettext("Not saved"),
  };
  $("saving").dataset.state = autosave.state;
  if ($("saving").textContent !== texts[autosave.state]) $("saving").textContent = texts[autosave.state];
  if (autosave.state === "refused") notify(autosave.refusal.text, gettext("Reload the page"));
}

/** @param {string} text @param {string} [action] label of a button that reloads */
function notify(text, action = "") {
  $("notice").hidden = !text;
  $("notice-text").textContent = text;
  $("notice-action").hidden = !action;
  $("notice-action").textContent = action;
}
$("notice-action").addEventListener("click", () => location.replace(setup.page_url));

/** Go on when everything is saved. @param {SubmitEvent} event */
async function goOn(event) {
  event.preventDefault();
  if ($("next").disabled) return;
  engine.stop();
  busy(true);
  await autosave.settle();
  if (autosave.state === "refused") return busy(false);
  try {
    const form = $("onward");
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
    if (answer.status >= 500) throw new Error(`The server answered ${answer.status}.`);
    location.replace(setup.page_url); // the next page, or whatever the server holds for right
  } catch (error) {
    console.error(error);
    busy(false);
    notify(gettext("The next page could not be reached. Your ratings are saved; check your connection and try again."));
  }
}

/** @param {boolean} on */
function busy(on) {
  $("onward").classList.toggle("busy", on);
  showMissing();
  if (on) $("missing").textContent = gettext("Saving…");
}
