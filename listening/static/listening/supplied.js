/** Files of one's own: chosen or dropped, each shown with the clip that it seems to be of, then sent and checked one by one. */

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("supply"));
if (form) start(form);

/** @param {HTMLFormElement} form */
function start(form) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
  const zone = form.querySelector(".drop");
  const matches = document.getElementById("matches");
  const send = /** @type {HTMLButtonElement} */ (document.getElementById("send"));
  const status = document.getElementById("supply-status");
  /** @type {Line[]} */
  let lines = [];

  form.querySelector(".upload-button").hidden = true;
  form.querySelector(".drop-hint").hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("change", chosen);
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());
  for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, () => zone.classList.add("over"));
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => show([...event.dataTransfer.files]));
  send.addEventListener("click", upload);
  chosen(); // files chosen before this script ran

  function chosen() {
    show([...input.files]);
  }

  /** @param {File[]} files */
  async function show(files) {
    input.value = ""; // so that the same files can be chosen again
    if (!files.length) return;
    let clips = {};
    try {
      const query = new URLSearchParams(files.map((file) => ["files", file.name]));
      const response = await fetch(`${location.pathname}?${query}`, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      ({ clips } = await response.json());
    } catch {
      status.textContent = "The server did not say which file is of which clip. Choose below, or try again.";
    }
    lines = files.map((file) => new Line(file, clips[file.name] ?? "", Number(form.dataset.maxMb)));
    matches.querySelector("tbody").replaceChildren(...lines.map((line) => line.element));
    matches.hidden = false;
    send.hidden = false;
    const without = lines.filter((line) => !line.clip).length;
    status.textContent = without
      ? `${without} of ${files.length} files fit no clip by their names: choose the clip, or they are left out.`
      : `${files.length} files, each with its clip. Look them over, then upload.`;
    send.focus();
  }

  async function upload() {
    send.disabled = true;
    const wanted = lines.filter((line) => line.clip && !line.done);
    let failed = 0;
    for (const [n, line] of wanted.entries()) {
      status.textContent = `Sending and checking ${n + 1} of ${wanted.length}: ${line.file.name}`;
      if (!(await line.send(form))) failed += 1;
    }
    send.disabled = false;
    if (failed || !wanted.length) {
      status.textContent = wanted.length ? `${failed} of ${wanted.length} files were not taken.` : "No file has a clip: choose one for each.";
      return;
    }
    location.reload();
  }
}

/** A chosen file, as a row of the table. */
class Line {
  /** @param {File} file @param {number | ""} clip key of the clip that it seems to be of @param {number} maxMb */
  constructor(file, clip, maxMb) {
    this.file = file;
    this.maxMb = maxMb;
    this.done = false;
    const choice = /** @type {HTMLTemplateElement} */ (document.getElementById("clip-choice"));
    this.select = /** @type {HTMLSelectElement} */ (choice.content.firstElementChild.cloneNode(true));
    this.select.value = String(clip);
    this.select.setAttribute("aria-label", `Clip of ${file.name}`);
    this.outcome = document.createElement("span");
    this.element = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = file.name;
    this.element.append(name, cell("Is this clip", this.select), cell("Check", this.outcome));
  }

  get clip() {
    return this.select.value;
  }

  /** @param {HTMLFormElement} form @returns {Promise<boolean>} whether the server took it */
  async send(form) {
    if (this.file.size > this.maxMb * 1e6) {
      return this.say(`It has ${(this.file.size / 1e6).toFixed(0)} MB, more than the ${this.maxMb} MB allowed.`);
    }
    const data = new FormData();
    data.append("csrfmiddlewaretoken", form.elements.namedItem("csrfmiddlewaretoken").value);
    data.append("clip", this.clip);
    const replace = /** @type {HTMLInputElement} */ (form.elements.namedItem("replace"));
    if (replace.checked) data.append("replace", "1");
    data.append("files", this.file);
    this.outcome.textContent = "checking…";
    try {
      const response = await fetch(location.pathname, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const answer = await response.json();
      if (!response.ok) return this.say(answer.error);
      this.done = true;
      this.outcome.className = "";
      this.outcome.textContent = ["✓", ...answer.warnings].join(" ");
      return true;
    } catch {
      return this.say("The server did not take it. Try again.");
    }
  }

  /** @param {string} why */
  say(why) {
    this.outcome.className = "own-fault";
    this.outcome.textContent = why;
    return false;
  }
}

/** @param {string} label @param {HTMLElement} content */
function cell(label, content) {
  const element = document.createElement("td");
  element.dataset.label = label;
  element.append(content);
  return element;
}
