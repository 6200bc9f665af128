/** A page before the trials: brings the sounds of the first one while the rater reads. */

import { preload } from "./sounds.js";

preload(JSON.parse(document.getElementById("sounds-ahead").textContent));
