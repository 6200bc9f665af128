/** Watch the rendering: bar, counts and map while it runs, the rest of the page as it comes out. */

import { refresh } from "./refresh.js";

const INTERVAL = 1500;
/** After so long without a change the page says that something may be wrong. */
const PATIENCE = 90_000;

const NAMES = { queued: "Queued", running: "Running", done: "Done", failed: "Failed" };

const section = document.getElementById("progress");
const bar = /** @type {HTMLProgressElement | null} */ (document.getElementById("bar"));

if (bar && section.dataset.state === "rendering") watch();
else if (bar && Number(section.dataset.unmeasured)) watchMeasuring(Number(section.dataset.unmeasured));

async function watch() {
  const stalled = document.getElementById("stalled");
  const announcement = document.getElementById("announcement");
  let last = "";
  let changedAt = Date.now();
  let failed = Number(section.querySelector("[data-count=failed]").textContent);
  let tenths = -1;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    let progress;
    try {
      progress = await poll();
    } catch (error) {
      say(stalled, `${error.message} Trying again.`);
      continue;
    }
    const now = JSON.stringify(progress);
    if (now !== last) changedAt = Date.now();
    last = now;
    say(stalled, Date.now() - changedAt > PATIENCE ? "Nothing has moved for a while. Is a worker running? (make run starts one.)" : "");
    show(progress);
    if (Math.floor(progress.percent / 10) !== tenths) {
      tenths = Math.floor(progress.percent / 10); // every tenth: a screen reader should not hear each of them
      announcement.textContent = `${progress.done} of ${progress.total} done`;
    }
    const over = progress.study_state !== "rendering";
    try {
      if (over) {
        await settleDown(progress);
        if (progress.unmeasured) await watchMeasuring(progress.unmeasured);
        return;
      }
      if (progress.failed !== failed && (await refresh(["failures"]))) failed = progress.failed;
    } catch {
      // The next round tries again.
    }
  }
}

/** Everything ended: bring the page up to date, part by part as nobody uses it. */
async function settleDown(progress) {
  document.getElementById("announcement").textContent = `Rendering ended: ${progress.done} done, ${progress.failed} failed.`;
  const state = document.querySelector(".state");
  state.className = `state state-${progress.study_state}`;
  state.textContent = progress.study_state[0].toUpperCase() + progress.study_state.slice(1);
  while (!(await refresh(["start", "failures", "overview", "stimuli"]))) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

/** Metrics come in after the stimuli: show them as they do. @param {number} shown stimuli that were without when the page was drawn */
async function watchMeasuring(shown) {
  while (shown) {
    await new Promise((resolve) => setTimeout(resolve, 4 * INTERVAL));
    try {
      const { unmeasured } = await poll();
      if (unmeasured !== shown && (await refresh(["overview", "stimuli"]))) shown = unmeasured;
    } catch {
      // The next round tries again.
    }
  }
}

/** @returns {Promise<{study_state: string, total: number, done: number, failed: number, running: number, queued: number, percent: number, unmeasured: number, throughput: string, conditions: Record<string, number>, renderings: {id: number, state: string, attempts: number}[]}>} */
async function poll() {
  let response;
  try {
    response = await fetch(section.dataset.url, { headers: { Accept: "application/json" } });
  } catch {
    throw new Error("The server can't be reached.");
  }
  if (response.status === 401) throw new Error("You are logged out.");
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}

function show(progress) {
  bar.max = progress.total;
  bar.value = progress.done;
  for (const element of section.querySelectorAll("[data-count]")) {
    element.textContent = progress[element.dataset.count];
  }
  say(document.getElementById("throughput"), progress.throughput);
  for (const [id, done] of Object.entries(progress.conditions)) {
    const share = document.querySelector(`[data-condition="${id}"]`);
    if (!share) continue;
    share.querySelector("progress").value = done;
    share.querySelector("[data-of=done]").textContent = String(done);
  }
  for (const { id, state, attempts } of progress.renderings) {
    const cell = document.querySelector(`[data-rendering="${id}"]`);
    if (!cell || cell.dataset.state === state) continue;
    cell.dataset.state = state;
    cell.querySelector(".sr").textContent = NAMES[state] + (attempts > 1 ? `, attempt ${attempts}` : "");
  }
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}
