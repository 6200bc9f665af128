/**
 * The keys of the trial page.
 *
 * Those of one character can be switched off (WCAG 2.1.4): who speaks to the computer, or hits keys unawares, would
 * set them off. The choice is kept on the device.
 */

import { signOf } from "./keys.js";

const KEPT = "listening/keys";
/** @type {Record<string, [string, ...any[]]>} what each key does: the action and what it is told */
const KEYS = {
  r: ["play", 0],
  a: ["play", 10],
  b: ["play", 11],
  c: ["play", 12],
  n: ["step", 1],
  p: ["step", -1],
  l: ["loop"],
  i: ["passage", "start"],
  o: ["passage", "end"],
  w: ["passage", "whole"],
  t: ["type"],
  m: ["comment"],
  s: ["sort"],
  "?": ["help"],
};

/**
 * @param {object} actions
 * @param {number} actions.signals
 * @param {(index: number) => void} actions.play 0 is the reference
 * @param {(by: number) => void} actions.step to the next sound or the one before
 * @param {() => void} actions.toggle play or stop
 * @param {() => void} actions.loop
 * @param {(which: "start" | "end" | "whole") => void} actions.passage begins or ends here
 * @param {(seconds: number) => void} actions.jump
 * @param {() => void} actions.type a score
 * @param {() => void} actions.comment on the sound at hand
 * @param {() => void} actions.sort
 * @param {() => void} actions.onward
 * @param {() => void} actions.help
 * @param {HTMLInputElement} onoff box that switches the keys of one character on and off
 */
export function listenForKeys(actions, onoff) {
  onoff.checked = kept() !== "off";
  onoff.addEventListener("change", () => keep(onoff.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    const found = wish(event, actions.signals, onoff.checked);
    if (!found) return;
    event.preventDefault();
    const [action, ...values] = found;
    if (!event.repeat || action === "jump") actions[action](...values);
  });
}

/**
 * @param {KeyboardEvent} event
 * @param {number} signals
 * @param {boolean} on whether keys of one character count
 * @returns {[string, ...any[]] | null}
 */
function wish(event, signals, on) {
  if (event.ctrlKey || event.metaKey) return event.key === "Enter" ? ["onward"] : null;
  if (writes(event.target)) return null;
  const sign = signOf(event);
  if (sign === " ") return ownsSpace(event.target) ? null : ["toggle"];
  if (event.shiftKey && sign === "ArrowLeft") return ["jump", -1];
  if (event.shiftKey && sign === "ArrowRight") return ["jump", 1];
  if (!on) return null;
  const found = /^\d$/.test(sign) ? ["play", Number(sign)] : KEYS[sign];
  return found?.[0] === "play" && found[1] > signals ? null : (found ?? null);
}

/** Whether letters are written where the focus is. @param {Element} target */
function writes(target) {
  return Boolean(target.closest?.("textarea, input[type=text], select"));
}

/** Space presses the button that has the focus, unless that button's sound plays already: then it stops. */
function ownsSpace(target) {
  const button = target.closest?.("button, a, summary");
  return Boolean(button) && !(button.classList.contains("play") && button.getAttribute("aria-pressed") === "true");
}

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // storage is switched off
  }
}

/** @param {string} value */
function keep(value) {
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // it counts until the page is left
  }
}
