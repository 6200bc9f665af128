/** The page of questions: what has to be mended is read first. Drafts are kept by drafts.js, as on every page. */

import "./preload.js";

document.getElementById("faults")?.focus();
