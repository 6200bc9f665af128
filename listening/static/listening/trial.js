/** The trial page: sounds, sliders, saving and the way on. */

import { Announcer } from "./announcer.js";
import { AudioEngine, SHORTEST } from "./audio-engine.js";
import { Autosave } from "./autosave.js";
import { commandsOf } from "./commands.js";
import { kHz, watchDevice } from "./device-note.js";
import { gettext, interpolate, number } from "./i18n.js";
import { onFinishing } from "./leaving.js";
import { controlLevel } from "./level-control.js";
import { LoadingLine } from "./loading-line.js";
import { done, missing } from "./missing.js";
import { ScoreField } from "./score-field.js";
import { ScoreSlider } from "./score-slider.js";
import { listenForKeys } from "./shortcuts.js";
import { SlotComment } from "./slot-comment.js";
import { Slot } from "./slot.js";
import { Sorting } from "./sorting.js";
import { load, preload } from "./sounds.js";
import { Timeline } from "./timeline.js";
import { watchScores, watchSound } from "./trial-events.js";

const TICK = 250; // ms between two looks at what was heard
const FIRST_WAIT = 1000; // ms between two tries to reach the next page, doubled with each
const LONGEST_WAIT = 15_000;
const HEARD_SAVED = 2; // seconds of further play after which the heard count is saved again

const setup = JSON.parse(document.getElementById("setup").textContent);
const $ = (id) => document.getElementById(id);
const engine = new AudioEngine(1 + setup.slots.length);
const announcer = new Announcer($("told"), () => engine.audible);
const tell = (text) => announcer.say(text);
/** Whether every sound is there: from then on the rater may rate. */
let complete = false;

const { rules } = setup;
const loaded = performance.now();
const slots = setup.slots.map((saved) => {
  const row = document.querySelector(`.signal[data-slot="${saved.slot}"]`);
  return new Slot(saved, row, engine, { seconds: setup.heard_seconds, share: rules.share_heard });
});

/** Play buttons: the reference's, then the slots'. */
const playButtons = [$("play-reference"), ...slots.map((slot) => slot.row.querySelector(".play"))];
/** @type {Timeline | null} */
let timeline = null;
let following = false;
let toldOffline = false;
/** Slot that was heard last; 0 for none. */
let last = 0;

const autosave = new Autosave({
  url: setup.save_url,
  rater: setup.rater,
  trial: setup.trial,
  revision: Math.max(...setup.slots.map((saved) => saved.revision)),
});
for (const write of autosave.recover(new Map(setup.slots.map((saved) => [saved.slot, saved.revision])))) adopt(write, true);

for (const slot of slots) {
  const [input, output] = [slot.row.querySelector("input"), slot.row.querySelector("output")];
  const Control = input.type === "range" ? ScoreSlider : ScoreField;
  slot.control = new Control(input, output, (score, done) => {
    if (score === slot.score && !done) return;
    slot.score = score;
    save(slot, done);
    showMissing();
  });
  if (slot.row.querySelector(".remark")) {
    slot.remark = new SlotComment(slot.row, (text) => {
      slot.say(text);
      save(slot, false);
    });
  }
  show(slot);
}
const sorting = new Sorting(document.querySelector(".signals"), $("sort"), (slot) => slots[slot - 1].score);

watchSound(engine);
watchScores(autosave, new Map(slots.map((slot) => [slot.slot, slot.score])));
autosave.addEventListener("state", showSaving);
autosave.addEventListener("overruled", (event) => adopt(event.detail, false));
autosave.addEventListener("elsewhere", (event) => adopt(event.detail, true));
$("again").addEventListener("click", begin);
$("help-open").addEventListener("click", () => $("help").showModal());
$("onward").addEventListener("submit", goOn);
$("desk").style.setProperty("--signals", String(slots.length));

controlLevel(engine, setup.level);
const commands = commandsOf({ engine, slots, sorting, tell });

wireDesk();
showMissing();
showSaving();
begin();

/** Load the sounds that are not there yet. Each can be heard once it has come; rating starts when all have. */
async function begin() {
  $("again").hidden = true;
  const line = new LoadingLine($("loading-amount"));
  $("loading").classList.remove("failed");
  $("loading-text").textContent = gettext("Loading the sounds of this page…");
  try {
    const sounds = [setup.reference, ...setup.slots];
    await load(
      sounds.map((sound, index) => (engine.sounds[index] ? null : sound)),
      {
        onsound: arrived,
        onprogress: (loaded, total) => {
          $("loading-bar").value = loaded / total;
          line.show(loaded, total);
        },
      },
    );
    complete = true;
    $("loading").hidden = true;
    free();
    showMissing();
    preload(setup.next);
  } catch (error) {
    $("loading-amount").textContent = "";
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
    if (!engine.playing) $("again").focus();
    announcer.say($("loading-text").textContent, "loading");
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
  playButtons.forEach((button, index) =>
    button.addEventListener("click", (event) => commands.play(index, event.pointerType === "mouse")),
  );
  $("stop").addEventListener("click", () => engine.stop());
  $("loop").addEventListener("click", commands.loop);
  $("whole").addEventListener("click", () => {
    engine.setPassage(0, Infinity);
    $("play-reference").focus(); // the button that was pressed goes away
  });
  $("sort").addEventListener("click", commands.sort);
  const onward = () => ($("next").disabled ? tell($("missing").textContent) : $("onward").requestSubmit());
  const help = () => $("help").showModal();
  listenForKeys({ signals: slots.length, ...commands, onward, help }, $("keys-on"));
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
  watchDevice(engine, setup.rater, (text) => announcer.say(text, "device"));
  setInterval(() => {
    if (engine.playing) saveHeard(HEARD_SAVED);
    if (engine.playing || $("wait").textContent) showMissing();
  }, TICK);
  onFinishing(() => saveHeard(0));
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
  announcer.flush();
  free();
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
    if (rules.only_playing) free();
    $("clock").textContent = interpolate(gettext("%(seconds)s s"), { seconds: number(engine.position, 1) });
    following = engine.playing;
    if (following) requestAnimationFrame(draw);
  };
  draw();
}

/** Let scores be set, where the study wants it of the sound alone that was heard last. The reference is no sound to rate. */
function free() {
  if (engine.current > 0) last = engine.current;
  for (const slot of slots) {
    const playing = slot.slot === last && slot.heard.plays > 0;
    slot.control.input.disabled = !complete || (rules.only_playing && !playing);
  }
  commands.arrive();
}

/** @param {number} least seconds of new play that are worth a write */
function saveHeard(least) {
  for (const slot of slots) if (slot.news(least)) save(slot, false);
}

/** @param {Slot} slot @param {boolean} now */
function save(slot, now) {
  slot.noteSaved();
  autosave.put(slot.rating, now);
}

/** @param {object} write of this page before it was reloaded, of another tab or device @param {boolean} unsent */
function adopt(write, unsent) {
  const slot = slots.find((each) => each.slot === write.slot);
  slot.adopt(write, unsent);
  if (!slot.control) return; // the page is not built yet
  show(slot);
  showMissing();
}

/** @param {Slot} slot */
function show(slot) {
  slot.control.score = slot.score;
  if (slot.remark) slot.remark.text = slot.comment;
}

function showMissing() {
  for (const slot of slots) {
    slot.row.style.setProperty("--heard", slot.progress.toFixed(2));
    slot.row.classList.toggle("is-heard", slot.enough);
  }
  const left = Math.max(0, Math.ceil(rules.seconds_left - (performance.now() - loaded) / 1000));
  const lacking = missing(slots, rules, left);
  const text = complete
    ? lacking || done(slots)
    : gettext("You can listen to the sounds that are there. Rating starts when all are.");
  if ($("missing").textContent !== text) $("missing").textContent = text;
  $("wait").textContent = left > 0 ? interpolate(gettext("%(seconds)s s"), { seconds: number(left) }) : "";
  $("next").disabled = !complete || lacking !== "" || $("onward").classList.contains("busy");
}

function showSaving() {
  const texts = {
    saved: slots.some((slot) => slot.score !== null || slot.comment) ? gettext("Saved") : "",
    saving: gettext("Saving…"),
    offline: gettext("No connection. Kept on this device."),
    refused: gettext("Not saved"),
  };
  $("saving").dataset.state = autosave.state;
  if ($("saving").textContent !== texts[autosave.state]) $("saving").textContent = texts[autosave.state];
  if (autosave.state === "refused") notify(autosave.refusal.text, gettext("Reload the page"));
  if (autosave.state === "offline" && !toldOffline) announcer.say(texts.offline, "saving");
  if (autosave.state === "saved") announcer.sayOnce(texts.saved, "saving");
  if (autosave.state !== "saving") toldOffline = autosave.state === "offline";
}

/** @param {string} text @param {string} [action] label of a button that reloads */
function notify(text, action = "") {
  $("notice").hidden = !text;
  $("notice-text").textContent = text;
  $("notice-action").hidden = !action;
  $("notice-action").textContent = action;
  announcer.say(text, "notice");
}
$("notice-action").addEventListener("click", () => location.replace(setup.page_url));

/** Go on when everything is saved, however long the line is away. @param {SubmitEvent} event */
async function goOn(event) {
  event.preventDefault();
  if ($("next").disabled) return;
  engine.stop();
  busy(true);
  const late = () => {
    if (autosave.state === "offline") sayThatItGoesOn();
  };
  late();
  autosave.addEventListener("state", late);
  await autosave.settle();
  autosave.removeEventListener("state", late);
  if (autosave.state === "refused") return busy(false);
  for (let failures = 0; !(await reachNext()); failures++) {
    sayThatItGoesOn();
    await lineOrTime(Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT));
  }
  location.replace(setup.page_url); // the next page, or whatever the server holds for right
}

/** @returns {Promise<boolean>} whether the server answered */
async function reachNext() {
  const form = $("onward");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
    if (answer.status >= 500) throw new Error(`The server answered ${answer.status}.`);
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}

function sayThatItGoesOn() {
  const text = gettext(
    "The next page cannot be reached at the moment. Nothing is lost: the page goes on automatically once there is a connection.",
  );
  if ($("notice-text").textContent !== text) notify(text);
}

/** Wait until the line is back, at most this long. @param {number} ms */
function lineOrTime(ms) {
  return new Promise((resolve) => {
    addEventListener("online", resolve, { once: true });
    setTimeout(resolve, ms);
  });
}

/** @param {boolean} on */
function busy(on) {
  $("onward").classList.toggle("busy", on);
  showMissing();
  if (on) $("missing").textContent = autosave.state === "saved" ? "" : gettext("Saving…");
}
