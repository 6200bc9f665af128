/** The keys of the trial page. */

const BEYOND_NINE = { a: 10, b: 11, c: 12 };

/**
 * @param {object} actions
 * @param {number} actions.signals
 * @param {(index: number) => void} actions.play 0 is the reference
 * @param {() => void} actions.toggle play or stop
 * @param {() => void} actions.loop
 * @param {() => void} actions.help
 */
export function listenForKeys({ signals, play, toggle, loop, help }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const index = key === "r" ? 0 : (BEYOND_NINE[key] ?? (/^\d$/.test(key) ? Number(key) : -1));
    if (index >= 0 && index <= signals) play(index);
    else if (key === " " && !ownsSpace(event.target)) toggle();
    else if (key === "l") loop();
    else if (key === "?") help();
    else return;
    event.preventDefault();
  });
}

/** Space presses the button that has the focus, unless that button's sound plays already: then it stops. */
function ownsSpace(target) {
  const button = target.closest?.("button, a, summary");
  return Boolean(button) && !(button.classList.contains("play") && button.getAttribute("aria-pressed") === "true");
}
