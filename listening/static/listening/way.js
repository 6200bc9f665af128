/**
 * The page "Raters' way" without its round trips: buttons that add, move and remove get the changed questionnaires from
 * the server and put them in place. Without this script the same buttons load the page anew.
 */

const form = /** @type {HTMLFormElement} */ (document.getElementById("way"));
const status = document.createElement("p");
status.className = "sr";
status.setAttribute("role", "status");
form.append(status);
let unsaved = document.querySelector(".note.warning[role=status]") !== null;

form.addEventListener("input", () => (unsaved = true));
form.addEventListener("submit", async (event) => {
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (button?.name !== "do" || !button.closest("#questionnaires")) {
    unsaved = false;
    return;
  }
  event.preventDefault();
  const fields = new FormData(form, button);
  try {
    const response = await fetch(location.pathname, { method: "POST", body: fields });
    if (!response.ok) throw new Error(String(response.status));
    take(new DOMParser().parseFromString(await response.text(), "text/html"), button);
  } catch {
    // As without scripts: the browser says what is wrong.
    const hidden = document.createElement("input");
    Object.assign(hidden, { type: "hidden", name: "do", value: button.value });
    form.append(hidden);
    unsaved = false;
    form.submit();
  }
});

addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

/**
 * @param {Document} page
 * @param {HTMLButtonElement} button
 */
function take(page, button) {
  const there = document.getElementById("questionnaires");
  const changed = page.getElementById("questionnaires");
  if (!changed) throw new Error("another page");
  there.replaceChildren(...changed.childNodes);
  unsaved = true;
  const next = /** @type {HTMLElement | null} */ (there.querySelector("[autofocus]") ?? there.querySelector("button"));
  next?.focus();
  next?.closest("fieldset")?.scrollIntoView({ block: "nearest" });
  status.textContent = `${button.getAttribute("aria-label") ?? button.textContent}: done, not saved yet.`;
}

for (const each of document.querySelectorAll("#faults a")) {
  each.addEventListener("click", () => {
    const field = document.getElementById(each.getAttribute("href").slice(1));
    for (let around = field?.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  });
}
