/** What the keys of the trial page do, and the buttons that do the same. */

import { log } from "./events.js";
import { gettext, interpolate, number } from "./i18n.js";

/**
 * @param {object} page
 * @param {import("./audio-engine.js").AudioEngine} page.engine whose sound 0 is the reference
 * @param {import("./slot.js").Slot[]} page.slots
 * @param {import("./sorting.js").Sorting} page.sorting
 * @param {(text: string) => void} page.tell says to screen readers what eyes can see
 */
export function commandsOf({ engine, slots, sorting, tell }) {
  let wanted = 0; // slot whose slider shall have the focus as soon as it can be moved

  /** @param {number} index 0 is the reference @param {boolean} [along] whether the focus goes to its slider */
  function play(index, along = true) {
    engine.play(index);
    wanted = along ? index : 0;
    arrive(true);
    // The slider that was at hand stays there while the reference is heard; the next digit chooses a sound.
    const row = document.activeElement?.closest(".signal");
    if (along && index === 0 && row && document.activeElement.matches("input")) atHand().control.choose();
  }

  /** Give the focus to the slider that waits for it, unless the rater went elsewhere. @param {boolean} [asked] just now */
  function arrive(asked = false) {
    const control = slots[wanted - 1]?.control;
    if (!control || control.input.disabled) return;
    wanted = 0;
    if (asked || document.activeElement === document.body || document.activeElement.closest(".play")) control.choose();
  }

  /** To the next sound as they stand on the page, or the one before. @param {number} by */
  function step(by) {
    const order = sorting.order.filter((slot) => engine.sounds[slot]);
    if (!order.length) return;
    const at = order.indexOf(engine.current);
    const to = at < 0 ? Math.min(by, 0) : at + by; // from the reference to the first or the last
    play(order.at(to % order.length));
  }

  function toggle() {
    if (engine.playing) engine.stop();
    else engine.play(engine.current);
  }

  function loop() {
    engine.setLoop(!engine.loop);
  }

  /** Begin or end the passage where the sound is. @param {"start" | "end" | "whole"} which */
  function passage(which) {
    if (!engine.rate) return; // nothing has come yet
    const [start, end] = engine.passage;
    const here = engine.position;
    if (which === "whole") engine.setPassage(0, Infinity);
    else engine.setPassage(which === "start" ? here : start, which === "end" ? here : end);
    const [from, to] = engine.passage.map((seconds) => number(seconds, 1));
    tell(interpolate(gettext("Passage from %(from)s to %(to)s seconds"), { from, to }));
  }

  /** @param {number} seconds */
  function jump(seconds) {
    if (engine.rate) engine.seek(engine.position + seconds);
  }

  function sort() {
    sorting.toggle();
    log.note(sorting.sorted ? "sorted" : "unsorted", null, sorting.order.join(" "));
    const sounds = sorting.order.join(gettext(", "));
    tell(sorting.sorted ? interpolate(gettext("Sorted by score: %(sounds)s"), { sounds }) : gettext("Sorted by number"));
  }

  /** Go to the slider or field at hand, so that digits are its score. */
  function type() {
    atHand().control.type();
  }

  function comment() {
    atHand().remark?.open();
  }

  /** The slot whose row has the focus, else the one that was chosen, else the first. */
  function atHand() {
    const row = document.activeElement?.closest(".signal");
    return row ? slots[Number(row.dataset.slot) - 1] : slots[Math.max(engine.current - 1, 0)];
  }

  return { play, arrive, step, toggle, loop, passage, jump, sort, type, comment };
}
