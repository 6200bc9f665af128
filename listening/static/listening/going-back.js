/** Takes a panel's rater back to the panel after a few seconds, unless they want to stay. */

import { interpolate, ngettext, number } from "./i18n.js";

const SECONDS = 10;

const link = document.getElementById("way-back");
const stay = document.getElementById("stay");
const text = document.getElementById("going-back");
let left = SECONDS;

show();
stay.hidden = false;
const timer = setInterval(() => {
  left--;
  show();
  if (left > 0) return;
  clearInterval(timer);
  link.click(); // as the link does it: without a referrer
}, 1000);
stay.addEventListener("click", () => {
  clearInterval(timer);
  link.focus();
  stay.remove();
  text.remove();
});

function show() {
  const words = ngettext("You go back in %(seconds)s second.", "You go back in %(seconds)s seconds.", left);
  text.textContent = interpolate(words, { seconds: number(left) });
}
