/** A comment on one sound: a button in its row, and a field that opens from it. */

export class SlotComment {
  /**
   * @param {HTMLElement} row with `.remark`, the button, and `.comment`, the panel
   * @param {(text: string) => void} oncomment
   */
  constructor(row, oncomment) {
    this.row = row;
    this.button = row.querySelector(".remark");
    this.panel = row.querySelector(".comment");
    this.field = this.panel.querySelector("textarea");
    this.button.addEventListener("click", () => (this.panel.hidden ? this.open() : this.close()));
    this.panel.querySelector("button").addEventListener("click", () => this.close());
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
    });
    // Who goes elsewhere has ended; the field is in the way of the sliders.
    this.panel.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !this.row.contains(relatedTarget)) this.#show(false);
    });
    this.field.addEventListener("input", () => {
      this.#mark();
      oncomment(this.field.value);
    });
    this.#mark();
  }

  /** @param {string} text known from elsewhere; not while something is being written here */
  set text(text) {
    if (document.activeElement === this.field) return;
    this.field.value = text;
    this.#mark();
  }

  open() {
    this.#show(true);
    this.field.focus();
  }

  close() {
    this.#show(false);
    this.button.focus();
  }

  /** @param {boolean} on */
  #show(on) {
    this.panel.hidden = !on;
    this.button.setAttribute("aria-expanded", String(on));
  }

  /** Whether there is a comment can be seen at the button. */
  #mark() {
    this.button.classList.toggle("written", this.field.value.trim() !== "");
  }
}
