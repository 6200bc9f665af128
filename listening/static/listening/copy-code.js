/** A button that copies the completion code, where the browser lets a page do so. */

const button = document.getElementById("copy");
const code = document.getElementById("completion-code");

if (navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // not allowed: at least it is selected
    }
  });
}
