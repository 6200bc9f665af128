/** Buttons that copy the text of a field: `<button data-copy="ID of the field" hidden>`. */

for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copy));
  const label = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(field)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = label), 2500);
  });
  field.addEventListener("focus", () => field.select());
}

/**
 * Copy a field's text; where the clipboard is not to be had (a page without https), leave it selected.
 * @param {HTMLInputElement} field
 * @returns {Promise<boolean>} whether it is in the clipboard
 */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}
