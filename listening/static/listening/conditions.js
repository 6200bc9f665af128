/** Count the signals ticked in the matrix, and say when they are too many. */

const form = /** @type {HTMLFormElement} */ (document.getElementById("conditions"));
const count = document.getElementById("count");
const most = Number(form.dataset.max);

if (count) {
  const note = document.getElementById("count-note");
  const bar = count.closest(".bar");
  const button = bar.querySelector("button");
  const update = () => {
    const n = form.querySelectorAll("[data-signal]:checked").length;
    const excess = n - most;
    count.textContent = String(n);
    note.textContent = excess > 0 ? `: ${excess} too many. Take some away.` : "";
    bar.classList.toggle("over", excess > 0);
    button.disabled = excess > 0;
  };
  form.addEventListener("change", update);
  window.addEventListener("pageshow", update); // the browser restores ticks when it goes back
  update();
}
