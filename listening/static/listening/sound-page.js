/** What the pages of the sound check share: fetching a sound with a way to try again, and notices of the output. */

import { gettext, interpolate, number } from "./i18n.js";
import { LoadingLine } from "./loading-line.js";
import { load } from "./sounds.js";

const $ = (id) => document.getElementById(id);

/** @param {string} text "" takes it away @param {{label: string, act: () => void} | null} [action] */
export function notify(text, action = null) {
  $("notice").hidden = !text;
  $("notice-text").textContent = text;
  $("notice-action").hidden = !action;
  $("notice-action").textContent = action?.label ?? "";
  $("notice-action").onclick = action?.act ?? null;
}

/** @param {string} pageUrl */
export function offerReload(text, pageUrl) {
  notify(text, { label: gettext("Reload the page"), act: () => location.replace(pageUrl) });
}

/**
 * Fetch a sound and give it to the engine. Ends when it is there, however often that takes.
 * @param {import("./audio-engine.js").AudioEngine} engine
 * @param {number} index
 * @param {{url: string, key: string}} sound
 * @param {string} pageUrl
 */
export async function fetchSound(engine, index, sound, pageUrl) {
  if (engine.sounds[index]) return;
  $("loading").hidden = false;
  $("loading-text").textContent = gettext("Loading the sound…");
  for (;;) {
    const line = new LoadingLine($("loading-amount"));
    try {
      await load([sound], {
        onsound: (_, decoded) => engine.add(index, decoded),
        onprogress: (loaded, total) => {
          $("loading-bar").value = loaded / total;
          line.show(loaded, total);
        },
      });
      $("loading").hidden = true;
      return;
    } catch (error) {
      console.error(error);
      $("loading-amount").textContent = "";
      const lasting = error.status >= 400 && error.status < 500;
      $("loading-text").textContent = lasting
        ? error.message
        : gettext("The sound could not be loaded. Check your connection and try again.");
      $("again").textContent = lasting ? gettext("Reload the page") : gettext("Try again");
      $("again").hidden = false;
      $("again").focus();
      await new Promise((resolve) => $("again").addEventListener("click", resolve, { once: true }));
      if (lasting) location.replace(pageUrl);
      $("again").hidden = true;
      $("loading-text").textContent = gettext("Loading the sound…");
    }
  }
}

/**
 * Say what the output says.
 * @param {import("./audio-engine.js").AudioEngine} engine
 * @param {() => void} onlost the sound that played is not heard to its end
 */
export function watchOutput(engine, onlost) {
  engine.addEventListener("blocked", () => {
    notify(
      gettext("Your browser lets no sound out. Check that a sound device is connected, then press play again."),
    );
    onlost();
  });
  engine.addEventListener("interrupted", () => {
    notify(gettext("The sound was interrupted. Press play to hear it again."));
    onlost();
  });
  engine.addEventListener("unsupported", () => {
    const rate = interpolate(gettext("%(rate)s kHz"), { rate: number(engine.rate / 1000, 0, 3) });
    notify(
      interpolate(gettext("This browser can't play sounds of %(rate)s. Please open your link in another one."), { rate }),
    );
    onlost();
  });
}
