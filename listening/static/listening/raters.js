/** Keep the list of raters up to date while the page is looked at. */

import { refresh } from "./refresh.js";

const INTERVAL = 10_000;

setInterval(() => {
  if (document.hidden) return;
  refresh(["seen", "coverage", "sessions"]).catch(() => {}); // a lost connection shows by itself; the next round tries again
}, INTERVAL);
