/** Forms with `data-confirm` ask before they are sent. */

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) event.preventDefault();
});
