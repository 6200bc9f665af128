/**
 * The order of a page's last work. Before it is hidden or left, everything that is half done is finished; only then it
 * is sent. Listeners for `pagehide` alone have no such order: Chromium calls them as they were added, whatever they ask.
 */

/** @type {(() => void)[]} */ const finishing = [];
/** @type {((left: boolean) => void)[]} */ const sending = [];
let gone = false; // Chromium hides a page once more after it was left

/** Finish what is half done. @param {() => void} finish */
export function onFinishing(finish) {
  finishing.push(finish);
}

/** Send what is finished. @param {(left: boolean) => void} send `left` is false where the page is hidden only */
export function onSending(send) {
  sending.push(send);
}

/** @param {boolean} left */
function leave(left) {
  if (gone) return;
  gone = left;
  for (const finish of finishing) finish();
  for (const send of sending) send(left);
}

addEventListener("pagehide", () => leave(true));
addEventListener("pageshow", () => (gone = false));
document.addEventListener("visibilitychange", () => document.hidden && leave(false));
