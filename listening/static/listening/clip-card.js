/** A clip's card: saved and drawn anew where it stands, so that what was changed in other cards stays. */

import "./confirm.js";
import { startExcerpt } from "./excerpt.js";

/**
 * Make a card of the server's drawing.
 * @param {string} html
 * @returns {HTMLElement}
 */
export function cardOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const card = /** @type {HTMLElement} */ (template.content.firstElementChild);
  document.adoptNode(card);
  return card;
}

/** What works on it by a script; call it once it stands in the page. @param {HTMLElement} card */
export function startCard(card) {
  for (const excerpt of card.querySelectorAll(".excerpt")) startExcerpt(/** @type {HTMLElement} */ (excerpt));
}

/** @param {HTMLFormElement} form */
async function save(form) {
  const old = /** @type {HTMLElement} */ (form.closest(".clip"));
  const focused = old.contains(document.activeElement);
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const answer = await response.json();
    if (!answer.row) {
      say(old, answer.error);
      return;
    }
    const card = cardOf(answer.row);
    old.replaceWith(card);
    startCard(card);
    if (focused) card.querySelector(".wrong input, .save")?.focus();
    if (response.ok) say(card, answer.said);
    else card.classList.add("changed");
  } catch {
    say(old, "It is not saved: the server did not answer. Is the line there? Try again.");
  }
}

/** @param {HTMLElement} card @param {string} text */
function say(card, text) {
  card.querySelector(".saving").textContent = text;
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const card = form.closest(".clip");
  if (!card || event.defaultPrevented) return;
  card.classList.remove("changed");
  if (!form.matches(".clip-edit > form")) return;
  event.preventDefault();
  card.classList.add("changed");
  save(form);
});
window.addEventListener("beforeunload", (event) => {
  if (document.querySelector(".clip.changed")) event.preventDefault();
});

for (const card of document.querySelectorAll(".clip")) startCard(/** @type {HTMLElement} */ (card));
