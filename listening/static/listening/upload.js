/** Upload of clips: chosen or dropped, several at once, each with its bar and its message. */

import "./confirm.js";

/** @param {HTMLFormElement} form */
function start(form) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
  const zone = form.querySelector(".drop");
  const category = /** @type {HTMLInputElement} */ (form.querySelector("input[name=category]"));
  const queue = new UploadQueue(form);

  form.querySelector(".upload-button").hidden = true;
  form.querySelector(".drop-hint").hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("change", () => {
    queue.add([...input.files], category.value);
    input.value = ""; // so that the same file can be chosen again after it failed
  });

  // A file dropped beside the zone must not replace the page.
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());
  for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, () => zone.classList.add("over"));
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folders = new Set(items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile()?.name));
    const files = [...event.dataTransfer.files];
    queue.add(files.filter((file) => !folders.has(file.name)), category.value);
    for (const name of folders) queue.refuse(name, "This is a folder. Open it and drop the files in it.");
  });
  window.addEventListener("beforeunload", (event) => {
    if (queue.busy) event.preventDefault();
  });
}

class UploadQueue {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.url = form.action || location.href;
    this.csrf = form.elements.namedItem("csrfmiddlewaretoken").value;
    this.maxMb = Number(form.dataset.maxMb);
    this.list = document.getElementById("uploads");
    this.status = document.getElementById("upload-status");
    /** @type {(() => Promise<void>)[]} */
    this.waiting = [];
    this.running = false;
    this.counts = { all: 0, added: 0, failed: 0 };
  }

  get busy() {
    return this.running || this.waiting.length > 0;
  }

  /**
   * @param {File[]} files
   * @param {string} category
   */
  add(files, category) {
    for (const file of files) {
      this.counts.all += 1;
      const line = new UploadLine(file.name);
      this.list.append(line.element);
      this.enqueue(file, category, line);
    }
    this.next();
  }

  /** @param {string} name @param {string} why */
  refuse(name, why) {
    const line = new UploadLine(name);
    this.list.append(line.element);
    this.counts.all += 1;
    this.fail(line, why);
  }

  enqueue(file, category, line) {
    if (file.size > this.maxMb * 1e6) {
      this.fail(line, `The file has ${(file.size / 1e6).toFixed(0)} MB, more than the ${this.maxMb} MB allowed. Cut out the passage to be heard.`);
      return;
    }
    line.waits();
    this.waiting.push(() => this.send(file, category, line));
  }

  /** One after the other, so that the clips get the order of the files. */
  async next() {
    if (this.running) return;
    this.running = true;
    while (this.waiting.length) await this.waiting.shift()();
    this.running = false;
  }

  async send(file, category, line) {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", this.csrf);
    data.append("category", category);
    data.append("files", file);
    const answer = await post(this.url, data, line);
    if (answer.row) {
      line.added(answer);
      this.counts.added += 1;
      insertClip(answer.row);
      this.say();
      return;
    }
    const again = () => {
      this.counts.failed -= 1;
      this.enqueue(file, category, line);
      this.next();
    };
    this.fail(line, answer.error, answer.mayPass ? again : undefined);
  }

  fail(line, why, again) {
    this.counts.failed += 1;
    line.failed(why, again);
    this.say();
  }

  say() {
    const { all, added, failed } = this.counts;
    this.status.textContent = `${added} of ${all} files added${failed ? `, ${failed} failed` : ""}.`;
  }
}

/** A file on its way, as a line of the list. */
class UploadLine {
  /** @param {string} name */
  constructor(name) {
    this.element = document.createElement("li");
    this.name = make("span", "file-name", name);
    this.outcome = make("span", "outcome", "");
    this.bar = document.createElement("progress");
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", `Upload of ${name}`);
    this.message = make("p", "message", "");
    this.element.append(this.name, this.outcome, this.bar, this.message);
  }

  waits() {
    this.element.className = "";
    this.bar.hidden = false;
    this.bar.value = 0;
    this.outcome.textContent = "waiting";
    this.message.replaceChildren();
  }

  /** @param {number} share sent, 0 to 1 */
  sent(share) {
    if (share < 1) {
      this.bar.value = share;
      this.outcome.textContent = `${Math.floor(share * 100)}%`;
    } else {
      this.bar.removeAttribute("value"); // the server decodes and checks: no one knows how long
      this.outcome.textContent = "checking";
    }
  }

  /** @param {{name: string, warnings: string[]}} clip */
  added(clip) {
    this.element.className = "added";
    this.bar.hidden = true;
    this.outcome.textContent = "added ✓";
    this.message.textContent = clip.warnings.join(" ");
  }

  /** @param {string} why @param {(() => void) | undefined} again */
  failed(why, again) {
    this.element.className = "failed";
    this.bar.hidden = true;
    this.outcome.textContent = "not added";
    this.message.textContent = why;
    if (again) {
      const button = make("button", "", "Try again");
      button.type = "button";
      button.addEventListener("click", again);
      this.message.append(" ", button);
    }
  }
}

/**
 * Send a form; never rejects.
 * @param {string} url
 * @param {FormData} data
 * @param {UploadLine} line
 * @returns {Promise<{name?: string, warnings?: string[], row?: string, error?: string, mayPass?: boolean}>}
 */
function post(url, data, line) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest(); // fetch tells nothing about how much is sent
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) line.sent(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => line.sent(1));
    request.addEventListener("load", () => resolve(understand(request)));
    request.addEventListener("error", () => resolve({ error: "The connection was lost before the server answered.", mayPass: true }));
    request.send(data);
  });
}

/** @param {XMLHttpRequest} request */
function understand(request) {
  try {
    const answer = JSON.parse(request.responseText);
    return { ...answer, mayPass: request.status === 401 };
  } catch {
    const texts = {
      403: "The page is too old to be trusted. Reload it and try again.",
      404: "The study is gone. Reload the page.",
      413: "The server takes no file as large as this.",
    };
    return {
      error: texts[request.status] ?? `The server failed (${request.status}). If it happens again, look in the server's log.`,
      mayPass: request.status >= 500,
    };
  }
}

/** @param {string} html of the clip's card, as the server draws it */
function insertClip(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  document.getElementById("clips").append(template.content);
  document.getElementById("no-clips").hidden = true;
}

/** @param {string} tag @param {string} className @param {string} text */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("upload"));
if (form) start(form);
