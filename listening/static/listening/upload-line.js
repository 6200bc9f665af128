/** A file on its way, as a line of the list: its name, how far it is, and what came of it. */

export class UploadLine {
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
    this.element.className = "";
    this.message.replaceChildren();
    if (share < 1) {
      this.bar.value = share;
      this.outcome.textContent = `${Math.floor(share * 100)}%`;
    } else {
      this.bar.removeAttribute("value"); // the server decodes and checks: no one knows how long
      this.outcome.textContent = "checking";
    }
  }

  /**
   * The line is lost; the bar stays where it is.
   * @param {number} seconds until the next try
   * @param {string} why
   * @param {() => void} tryNow
   */
  lost(seconds, why, tryNow) {
    this.element.className = "paused";
    this.outcome.textContent = "paused";
    this.message.replaceChildren(`${why}. What has arrived is kept; it goes on in ${seconds} s, or as soon as you are online. `, action("Go on now", tryNow));
  }

  /** @param {{name: string, warnings: string[], notes: string[]}} clip */
  added(clip) {
    this.element.className = "added";
    this.bar.hidden = true;
    this.outcome.textContent = "added ✓";
    this.message.textContent = [...clip.warnings, ...clip.notes].join(" ");
  }

  /** @param {string} why @param {(() => void) | undefined} again */
  failed(why, again) {
    this.element.className = "failed";
    this.bar.hidden = true;
    this.outcome.textContent = "not added";
    this.message.replaceChildren(why);
    if (again) this.message.append(" ", action("Try again", again));
  }

  /** It is no sound and was never sent. @param {string} why */
  leftOut(why) {
    this.element.className = "left-out";
    this.bar.hidden = true;
    this.outcome.textContent = "left out";
    this.message.textContent = why;
  }
}

/** @param {string} text @param {() => void} deed */
function action(text, deed) {
  const button = make("button", "", text);
  button.type = "button";
  button.addEventListener("click", deed);
  return button;
}

/** @param {string} tag @param {string} className @param {string} text */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
