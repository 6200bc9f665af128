/** A button that copies the completion code, where the browser lets a page do so. */

import { gettext } from "./i18n.js";

const button = document.getElementById("copy");
const code = document.getElementById("completion-code");

if (navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent.trim());
      button.textContent = gettext("Copied");
    } catch {
      getSelection().selectAllChildren(code); // not allowed: at least it is selected
    }
  });
}
