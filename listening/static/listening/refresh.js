/** Bring parts of the page up to date without losing where its reader is. */

/**
 * Fetch the page again and replace the elements whose `data-refresh` is one of `names`.
 * A part in which a sound plays or the focus is stays as it is; the next call takes it.
 * @param {string[]} names
 * @returns {Promise<boolean>} whether all of them were replaced
 */
export async function refresh(names) {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  let all = true;
  for (const name of names) {
    const old = document.querySelector(`[data-refresh="${name}"]`);
    const now = fresh.querySelector(`[data-refresh="${name}"]`);
    if (!old || !now || old.innerHTML === now.innerHTML) continue;
    if (inUse(old)) {
      all = false;
      continue;
    }
    keepOpen(old, now);
    old.replaceWith(document.adoptNode(now));
  }
  return all;
}

/** @param {Element} part */
function inUse(part) {
  return part.contains(document.activeElement) || [...part.querySelectorAll("audio")].some((sound) => !sound.paused);
}

/** Leave open what the reader opened, and closed what they closed. */
function keepOpen(/** @type {Element} */ old, /** @type {Element} */ now) {
  for (const details of old.querySelectorAll("details[id]")) {
    const twin = now.querySelector(`#${CSS.escape(details.id)}`);
    if (twin) twin.open = details.open;
  }
}
