/**
 * Sends a file in parts, so that a broken line goes on where it stopped: the server says what it has, and nothing
 * that arrived is sent again. While the page is open it tries again by itself; later, the same file goes on when it is
 * chosen again, since the server knows it by its name, size, time of change and the hash of its start.
 */

const START_BYTES = 1_000_000; // of which the hash is taken
const WAITS = [1, 2, 4, 8, 15, 30]; // seconds between tries, the last one again and again
const STALLED = 30_000; // ms without a byte sent after which a line counts as lost
const SILENT = 180_000; // ms without an answer: a long file takes the server a while
const SERVER_FAILURES = 5; // in a row, after which a person is asked

/** What no waiting mends; the message says what to do. */
export class Refused extends Error {
  /** @param {string} message @param {boolean} mayPass whether the same file may succeed later */
  constructor(message, mayPass = false) {
    super(message);
    this.mayPass = mayPass;
  }
}

/** What a later try may mend. */
class Lost extends Error {
  /** @param {string} message @param {{server?: boolean, again?: boolean}} how of the server's making; worth no wait */
  constructor(message, { server = false, again = false } = {}) {
    super(message);
    this.server = server;
    this.again = again;
  }
}

/**
 * @typedef {object} Sending
 * @property {string} beginUrl
 * @property {string} csrf
 * @property {Record<string, string>} fields what is said of the file: category, licence
 * @property {(bytes: number) => void} onSent how much is on the server, or on its way there
 * @property {(seconds: number, why: string, tryNow: () => void) => void} onWait the line is lost
 */

/**
 * Send a file; resolves when it is a clip.
 * @param {File} file
 * @param {Sending} sending
 * @returns {Promise<{name: string, warnings: string[], notes: string[], row: string}>}
 * @throws {Refused}
 */
export async function sendFile(file, sending) {
  const about = {
    ...sending.fields,
    name: file.name,
    size: String(file.size),
    modified: String(file.lastModified),
    start_sha256: await hashOf(await read(file.slice(0, START_BYTES))),
  };
  let tries = 0;
  let finishUrl = "";
  for (;;) {
    try {
      if (!finishUrl) finishUrl = await sendParts(file, about, sending, () => (tries = 0));
      return await ask("POST", finishUrl, sending.csrf);
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      if (error.again) finishUrl = "";
      tries += 1;
      if (error.server && tries > SERVER_FAILURES) throw new Refused(error.message, true);
      await pause(WAITS[Math.min(tries, WAITS.length) - 1], error.message, sending.onWait);
    }
  }
}

/**
 * Send what the server lacks.
 * @param {File} file
 * @param {Record<string, string>} about
 * @param {Sending} sending
 * @param {() => void} arrived called after each part
 * @returns {Promise<string>} address that makes the clip
 */
async function sendParts(file, about, sending, arrived) {
  const begun = await ask("POST", sending.beginUrl, sending.csrf, { body: new URLSearchParams(about) });
  let at = begun.received;
  sending.onSent(at);
  while (at < file.size) {
    const from = at;
    const part = await read(file.slice(from, from + begun.part_bytes));
    const answer = await ask("POST", `${begun.part_url}?offset=${from}`, sending.csrf, {
      body: part,
      headers: { "Content-Type": "application/octet-stream", "X-Part-SHA256": await hashOf(part) },
      onSent: (bytes) => sending.onSent(from + bytes),
    });
    at = answer.received;
    sending.onSent(at);
    arrived();
  }
  return begun.finish_url;
}

/**
 * One request; its answer as an object.
 * @param {string} method
 * @param {string} url
 * @param {string} csrf
 * @param {{body?: URLSearchParams | ArrayBuffer, headers?: Record<string, string>, onSent?: (bytes: number) => void}} more
 */
function ask(method, url, csrf, { body, headers = {}, onSent } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing about how much is sent
    let timer = 0;
    const alive = (patience) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), patience);
    };
    request.open(method, url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrf);
    for (const [name, value] of Object.entries(headers)) if (value) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      alive(STALLED);
      onSent?.(event.loaded);
    });
    request.upload.addEventListener("load", () => alive(SILENT));
    request.addEventListener("load", () => {
      try {
        resolve(understood(request));
      } catch (error) {
        reject(error);
      }
    });
    for (const type of ["error", "abort"]) request.addEventListener(type, () => reject(new Lost("The connection was lost")));
    request.addEventListener("loadend", () => clearTimeout(timer));
    alive(body ? STALLED : SILENT);
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function understood(request) {
  const { status } = request;
  const answer = parsed(request.responseText);
  if (status >= 200 && status < 300 && answer) return answer;
  if (status === 409) throw new Lost(answer?.error ?? "The server has less than was sent", { again: true, server: true });
  if (status === 404 && !request.responseURL.endsWith("/uploads/")) throw new Lost("The server has forgotten the file", { again: true, server: true });
  if (status === 507) throw new Refused(answer?.error ?? "The server's disk is full.", true);
  if (status >= 500 || status === 408 || status === 429) throw new Lost(`The server failed (${status})`, { server: true });
  const texts = {
    403: "The page is too old to be trusted. Reload it, then choose the file again: it goes on where it stopped.",
    404: "The study is gone. Reload the page.",
    413: "The server takes no request as large as this. Tell the operator: its proxy must let 2 MB pass.",
  };
  throw new Refused(answer?.error ?? texts[status] ?? `The server gave an answer that is not its own (${status}). Is this network asking for a login?`, status === 401 || !answer);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a page of a proxy, or of the server: its status says enough
  }
}

/** @param {Blob} part @returns {Promise<ArrayBuffer>} */
async function read(part) {
  try {
    return await part.arrayBuffer();
  } catch {
    throw new Refused("The file can't be read any more. Was it moved, changed, or on a drive that is gone? Choose it again.");
  }
}

/** Hash in hex; "" where the browser has none, on plain http. @param {ArrayBuffer} bytes */
async function hashOf(bytes) {
  if (!globalThis.crypto?.subtle) return "";
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Wait, but no longer than until the device is online again or the person says "now".
 * @param {number} seconds
 * @param {string} why
 * @param {Sending["onWait"]} onWait
 */
function pause(seconds, why, onWait) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve(undefined);
    };
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", done);
    onWait(seconds, why, done);
  });
}
