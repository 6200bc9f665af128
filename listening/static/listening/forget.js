/** The last page of a rater: what this device still kept of them goes. */

import { DeviceStore } from "./device-store.js";

/** @type {string} */
const rater = JSON.parse(document.getElementById("rater").textContent);
const events = document.getElementById("events") && (await import("./events.js")).log;

await events?.forgetThisDevice();
try {
  const own = (key) => key.includes(rater) || key === "listening/keys";
  for (const key of Object.keys(localStorage).filter(own)) localStorage.removeItem(key);
} catch {
  // switched off: then nothing is kept there
}
await forget("writes", `listening/${rater}/`);
if (!events) await forget("events", rater);

/** @param {"events" | "writes"} name @param {string} called */
async function forget(name, called) {
  const store = new DeviceStore(name);
  const kept = await store.all(called);
  await store.remove(kept.map((record) => record.id));
}
