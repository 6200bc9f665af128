/** Upload of clips: files or folders, chosen or dropped, one after the other, each with its bar and its message. */

import { Refused, sendFile } from "./chunked-upload.js";
import { cardOf, startCard } from "./clip-card.js";
import { chosenFiles, droppedFiles } from "./dropped-files.js";
import { UploadLine } from "./upload-line.js";

/** @param {HTMLFormElement} form */
function start(form) {
  const input = /** @type {HTMLInputElement} */ (form.querySelector("#files"));
  const folder = /** @type {HTMLInputElement} */ (form.querySelector("#folder"));
  const zone = form.querySelector(".drop");
  const queue = new UploadQueue(form);

  form.querySelector(".upload-button").hidden = true;
  for (const element of form.querySelectorAll(".with-script")) element.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const chooser of [input, folder]) {
    const chosen = () => {
      queue.add(chosenFiles(chooser.files, input.accept));
      chooser.value = ""; // so that the same file can be chosen again after it failed
    };
    chooser.addEventListener("change", chosen);
    if (chooser.files.length) chosen(); // before this script ran
  }

  // A file dropped beside the zone must not replace the page.
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());
  for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, () => zone.classList.add("over"));
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    try {
      queue.add(await droppedFiles(event.dataTransfer, input.accept));
    } catch (error) {
      queue.leaveOut("What was dropped", `It can't be read (${error.message}). Use the button “Choose a folder”.`);
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (queue.busy) event.preventDefault();
  });
}

class UploadQueue {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.maxMb = Number(form.dataset.maxMb);
    this.list = document.getElementById("uploads");
    this.status = document.getElementById("upload-status");
    this.all = form.querySelector(".upload-all");
    /** @type {(() => Promise<void>)[]} */
    this.waiting = [];
    this.running = false;
    this.counts = { all: 0, added: 0, failed: 0 };
    this.bytes = { all: 0, done: 0, now: 0 };
  }

  get busy() {
    return this.running || this.waiting.length > 0;
  }

  /** @param {import("./dropped-files.js").Found[]} found */
  add(found) {
    const field = (name) => this.form.elements.namedItem(name);
    const foldersCount = field("folders").checked;
    if (!this.busy) this.bytes = { all: 0, done: 0, now: 0 };
    for (const { file, path, sound, category } of found) {
      if (!sound) {
        this.leaveOut(path, "This is no sound that can be read here.");
        continue;
      }
      this.counts.all += 1;
      const line = new UploadLine(path);
      this.list.append(line.element);
      const fields = { category: field("category").value || (foldersCount ? category.slice(0, 40) : ""), licence: field("licence").value };
      this.enqueue(file, fields, line);
    }
    this.next();
  }

  /** @param {string} name @param {string} why */
  leaveOut(name, why) {
    const line = new UploadLine(name);
    this.list.append(line.element);
    line.leftOut(why);
  }

  enqueue(file, fields, line) {
    if (file.size > this.maxMb * 1e6) {
      this.fail(line, `The file has ${(file.size / 1e6).toFixed(0)} MB, more than the ${this.maxMb} MB allowed. Cut out the passage to be heard.`);
      return;
    }
    line.waits();
    this.bytes.all += file.size;
    this.waiting.push(() => this.send(file, fields, line));
    this.say();
  }

  /** One after the other, so that the clips get the order of the files. */
  async next() {
    if (this.running) return;
    this.running = true;
    while (this.waiting.length) await this.waiting.shift()();
    this.running = false;
    this.say();
  }

  async send(file, fields, line) {
    forgetWaiting(file.name);
    try {
      const clip = await sendFile(file, {
        beginUrl: this.form.dataset.beginUrl,
        csrf: this.form.elements.namedItem("csrfmiddlewaretoken").value,
        fields,
        onSent: (bytes) => {
          line.sent(bytes / file.size);
          this.bytes.now = bytes;
          this.say();
        },
        onWait: (...lost) => {
          line.lost(...lost);
          this.say("Paused: the connection was lost.");
        },
      });
      line.added(clip);
      this.counts.added += 1;
      insertClip(clip.row);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const again = () => {
        this.counts.failed -= 1;
        this.enqueue(file, fields, line);
        this.next();
      };
      this.fail(line, error.message, error.mayPass ? again : undefined);
    } finally {
      this.bytes.now = 0;
      this.bytes.done += file.size;
      this.say();
    }
  }

  fail(line, why, again) {
    this.counts.failed += 1;
    line.failed(why, again);
    this.say();
  }

  /** @param {string} [paused] */
  say(paused) {
    const { all, added, failed } = this.counts;
    const text = paused ?? `${added} of ${all} files added${failed ? `, ${failed} failed` : ""}.`;
    if (this.status.textContent !== text) this.status.textContent = text; // a screen reader says each change
    const { all: bytes, done, now } = this.bytes;
    this.all.hidden = !this.busy;
    this.all.querySelector("progress").value = bytes ? (done + now) / bytes : 0;
    this.all.querySelector("span").textContent = `${added + failed} of ${all} files, ${megabytes(done + now)} of ${megabytes(bytes)} MB`;
  }
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

/** A file that goes on no longer waits for it. @param {string} name */
function forgetWaiting(name) {
  const list = document.getElementById("half-way");
  for (const line of list?.querySelectorAll("[data-name]") ?? []) if (line.dataset.name === name) line.remove();
  if (list && !list.querySelector("[data-name]")) list.hidden = true;
}

/** @param {string} html of the clip's card, as the server draws it */
function insertClip(html) {
  const card = cardOf(html);
  document.getElementById("clips").append(card);
  document.getElementById("no-clips").hidden = true;
  startCard(card);
}

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("upload"));
if (form) start(form);
