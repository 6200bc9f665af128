/** Forget what this device still kept of a rater who withdrew. */

import { DeviceStore } from "./device-store.js";

/** @type {string} */
const rater = JSON.parse(document.getElementById("rater").textContent);

try {
  for (const key of Object.keys(localStorage)) if (key.includes(rater)) localStorage.removeItem(key);
} catch {
  // switched off: then nothing is kept there
}
for (const name of /** @type {const} */ (["events", "writes"])) {
  const store = new DeviceStore(name);
  for (const called of [rater, `listening/${rater}/`]) {
    const kept = await store.all(called);
    await store.remove(kept.map((record) => record.id));
  }
}
