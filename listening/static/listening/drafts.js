/**
 * What was typed into a page's form is kept on this device until its rater has left the page: a lost line, a closed
 * tab or a page that can't be sent loses nothing. `<form data-draft="NAME OF THE PAGE">` asks for it.
 *
 * Every page of the rater runs this, so that drafts of pages that were left are forgotten.
 */

const rater = location.pathname.match(/^\/r\/([^/]+)\//)?.[1];
const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-draft]"));
const prefix = `listening/${rater}/draft/`;
const key = prefix + form?.dataset.draft;
const kept = storage();

if (rater && kept) {
  for (const each of Object.keys(kept)) if (each.startsWith(prefix) && (!form || each !== key)) kept.removeItem(each);
  if (form) {
    restore();
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
  }
}

/** @returns {(HTMLInputElement | HTMLTextAreaElement)[]} fields that a person fills in */
function fields() {
  const all = /** @type {(HTMLInputElement | HTMLTextAreaElement)[]} */ ([...form.elements]);
  return all.filter((field) => field.name && field.type !== "hidden" && field.type !== "submit");
}

function keep() {
  const found = fields().map((field) => [field.name, field.value, isTicked(field)]);
  try {
    kept.setItem(key, JSON.stringify(found));
  } catch {
    // full: the page itself still holds it
  }
}

function restore() {
  /** @type {[string, string, boolean | null][]} */
  let found;
  try {
    found = JSON.parse(kept.getItem(key) ?? "[]");
  } catch {
    return;
  }
  for (const [name, value, ticked] of found) {
    for (const field of fields()) {
      if (field.name !== name) continue;
      if (isTicked(field) === null) field.value = value;
      else if (field.value === value) /** @type {HTMLInputElement} */ (field).checked = ticked;
    }
  }
}

/** @param {HTMLInputElement | HTMLTextAreaElement} field @returns {boolean | null} null where it takes text */
function isTicked(field) {
  return field.type === "radio" || field.type === "checkbox" ? /** @type {HTMLInputElement} */ (field).checked : null;
}

/** The browser's storage, or null where it is switched off. */
function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
