/** The page of a headphone test: each question plays its three sounds, then takes one of three answers. */

import { AudioEngine } from "./audio-engine.js";
import { gettext, interpolate } from "./i18n.js";
import { fetchSound, notify, offerReload, watchOutput } from "./sound-page.js";
import { preload } from "./sounds.js";

const TIMEOUT = 15_000; // ms

let state = JSON.parse(document.getElementById("setup").textContent);
const $ = (id) => document.getElementById(id);
const choices = [...document.querySelectorAll("[name=answer]")];
const engine = new AudioEngine(state.trials + 1);
const EXAMPLE = state.trials; // its place in the engine
/** Plays of this question that were heard to their end, or go on. */
let plays = 0;
let heard = false;
/** @type {number | null} what plays, or was asked to: a question's place, or the example's */
let sounding = null;
let begun = false;
let sending = false;

engine.setLoop(false);
if (state.level !== null) engine.setLevel(state.level);
engine.addEventListener("change", changed);
watchOutput(engine, lost);
$("play").addEventListener("click", () => start(state.trial));
$("example").addEventListener("click", playExample);
$("question").addEventListener("submit", send);
for (const choice of choices) choice.addEventListener("change", show);
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const choice = choices[["1", "2", "3"].indexOf(event.key)];
  if (!choice || choice.disabled) return;
  choice.checked = true;
  choice.focus();
  show();
});
ask();

/** Show the question at hand, or that there is none left. */
async function ask() {
  [plays, heard, sounding] = [0, false, null];
  for (const choice of choices) choice.checked = false;
  const over = state.trial === state.trials;
  $("question").hidden = over;
  $("done").hidden = !over;
  show();
  if (over) return $("begin").focus();
  const { trial, sounds } = state;
  await fetchSound(engine, trial, sounds[0], state.page_url);
  show();
  if (focusIsAdrift()) $("play").focus();
  preload(sounds.slice(1).map((sound) => sound.url));
}

async function playExample() {
  if (!engine.sounds[EXAMPLE]) {
    $("example").disabled = true;
    await fetchSound(engine, EXAMPLE, state.example, state.page_url);
    show();
  }
  start(EXAMPLE);
}

/** @param {number} index */
function start(index) {
  if (sounding !== null || (index === state.trial && plays >= state.plays)) return;
  sounding = index;
  if (index === state.trial) plays++;
  engine.play(index);
  show();
}

function changed() {
  if (engine.playing) {
    begun = true;
    notify("");
    requestAnimationFrame(follow);
  } else if (begun && sounding !== null) {
    const question = sounding === state.trial;
    [sounding, begun] = [null, false];
    heard ||= question;
    show();
    if (focusIsAdrift()) (question ? choices[0] : $("play")).focus();
  }
}

/** What played is not heard to its end: it may be played again. */
function lost() {
  if (sounding === null) return;
  if (sounding === state.trial) plays--;
  [sounding, begun] = [null, false];
  engine.stop();
  show();
}

/** Light up which of the three sounds is heard. */
function follow() {
  const inside = (start) => engine.position >= start && engine.position < start + state.seconds;
  const at = sounding === null ? -1 : state.starts.findIndex(inside);
  choices.forEach((choice, index) => choice.parentElement.classList.toggle("sounding", index === at));
  if (engine.playing) requestAnimationFrame(follow);
}

function show() {
  const { trial, trials } = state;
  const number = interpolate(gettext("Question %(number)s of %(questions)s"), {
    number: Math.min(trial + 1, trials),
    questions: trials,
  });
  if ($("number").textContent !== number) $("number").textContent = number;
  $("progress").value = trial;
  const ready = Boolean(engine.sounds[trial]) && sounding === null && !sending;
  $("play").disabled = !ready || plays >= state.plays;
  if (sounding === trial) $("play").textContent = gettext("Listen…");
  else $("play").textContent = plays < state.plays ? gettext("Play the three sounds") : gettext("Played");
  $("example-part").hidden = !state.example || trial > 0;
  $("example").disabled = sounding !== null || sending;
  $("example").textContent = sounding === EXAMPLE ? gettext("Listen…") : gettext("Play the example");
  for (const choice of choices) choice.disabled = !heard || sending;
  $("hint").textContent = heard && !choices.some((choice) => choice.checked) ? gettext("Now choose one.") : "";
  $("answer").disabled = !heard || sending || !choices.some((choice) => choice.checked);
  if (sounding === null) choices.forEach((choice) => choice.parentElement.classList.remove("sounding"));
}

/** Whether what had the focus can't have it any more. */
function focusIsAdrift() {
  const focused = document.activeElement;
  return !focused || focused === document.body || focused.matches(":disabled") || focused.closest("[hidden]") !== null;
}

/** @param {SubmitEvent} event */
async function send(event) {
  event.preventDefault();
  const answer = choices.findIndex((choice) => choice.checked) + 1;
  if (!answer || sending) return;
  const { attempt, trial } = state;
  sending = true;
  show();
  try {
    const response = await fetch(state.answer_url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ attempt, trial, answer }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.status >= 500) throw new Error(`The server answered ${response.status}.`);
    const reply = await response.json();
    if (!response.ok) return offerReload(reply.error, state.page_url);
    if (reply.gone || reply.attempt !== attempt) return location.replace(reply.page_url);
    notify("");
    [state, sending] = [reply, false];
    ask();
  } catch (error) {
    console.error(error);
    sending = false;
    show();
    notify(gettext("Your answer could not be sent. Check your connection, then press Next again."));
    $("answer").focus();
  }
}
