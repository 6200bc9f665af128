/** Shows the sounds of a page in the order of their scores, and back. Numbers stay with their sounds. */

const GLIDE = 220; // ms

export class Sorting {
  #sorted = false;

  /**
   * @param {HTMLElement} list whose children carry `data-slot`
   * @param {HTMLButtonElement} button
   * @param {(slot: number) => number | null} scoreOf
   */
  constructor(list, button, scoreOf) {
    this.list = list;
    this.button = button;
    this.scoreOf = scoreOf;
  }

  /** Whether the order is that of the scores when it was asked for. */
  get sorted() {
    return this.#sorted;
  }

  /** Slots as they stand on the page. @returns {number[]} */
  get order() {
    return [...this.list.children].map((row) => Number(row.dataset.slot));
  }

  /** Sort, the best first and those without a score last; or bring back the order of the numbers. */
  toggle() {
    this.#sorted = !this.#sorted;
    this.button.setAttribute("aria-pressed", String(this.#sorted));
    const rows = [...this.list.children].sort((a, b) => Number(a.dataset.slot) - Number(b.dataset.slot));
    if (this.#sorted) rows.sort((a, b) => this.#rank(b) - this.#rank(a)); // equal ones keep their order
    this.#arrange(rows);
  }

  /** @param {HTMLElement} row */
  #rank(row) {
    return this.scoreOf(Number(row.dataset.slot)) ?? -1;
  }

  /** @param {HTMLElement[]} rows */
  #arrange(rows) {
    const from = new Map(rows.map((row) => [row, row.getBoundingClientRect()]));
    // The row with the focus stays in the document: taken out, it would lose it, and end a drag.
    const kept = rows.find((row) => row.contains(document.activeElement));
    const at = rows.indexOf(kept);
    for (const row of rows.slice(0, Math.max(at, 0))) this.list.insertBefore(row, kept);
    this.list.append(...rows.slice(at + 1));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const row of rows) {
      const [was, is] = [from.get(row), row.getBoundingClientRect()];
      const shift = `translate(${was.left - is.left}px, ${was.top - is.top}px)`;
      row.animate([{ transform: shift }, { transform: "none" }], { duration: GLIDE, easing: "ease-out" });
    }
  }
}
