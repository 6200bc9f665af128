/** What was dropped or chosen, folders looked through: sounds in the order that people give names in. */

/**
 * @typedef {object} Found
 * @property {File} file
 * @property {string} path with the folders that it lay in, from the one that was dropped
 * @property {boolean} sound whether it is to be sent
 * @property {string} category name of its folder, where that says something; else ""
 */

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * Files of a drop. Must be called within the event: its items are gone after it.
 * @param {DataTransfer} transfer
 * @param {string} accept endings and types of sounds, as an input has them
 * @returns {Promise<Found[]>}
 */
export function droppedFiles(transfer, accept) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => !entry?.isDirectory)) {
    return Promise.resolve(sorted([...transfer.files].map((file) => ({ file, path: file.name })), accept));
  }
  return entryFiles(entries, accept);
}

/**
 * Files of entries, folders and all that is in them.
 * @param {(FileSystemEntry | null)[]} entries
 * @param {string} accept
 * @returns {Promise<Found[]>}
 */
export async function entryFiles(entries, accept) {
  const found = [];
  for (const entry of entries) if (entry) await collect(entry, "", found);
  return sorted(found, accept);
}

/**
 * Files of an input that takes folders.
 * @param {Iterable<File>} files
 * @param {string} accept
 * @returns {Found[]}
 */
export function chosenFiles(files, accept) {
  return sorted([...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })), accept);
}

/** @param {FileSystemEntry} entry @param {string} folder @param {{file: File, path: string}[]} found */
async function collect(entry, folder, found) {
  const path = folder + entry.name;
  if (entry.isFile) {
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A browser gives a large folder in blocks; an empty one ends it.
    const block = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!block.length) return;
    for (const inner of block) await collect(inner, `${path}/`, found);
  }
}

/** @param {{file: File, path: string}[]} found @param {string} accept @returns {Found[]} */
function sorted(found, accept) {
  const endings = accept.split(",").filter((word) => word.startsWith("."));
  const inFolders = found.filter(({ path }) => path.includes("/"));
  const tops = new Set(inFolders.map(({ path }) => path.split("/")[0]));
  return found
    .map(({ file, path }) => {
      const folders = path.split("/").slice(0, -1);
      // The one folder that was dropped names the whole, not a kind of sound.
      const telling = folders.length > 1 || tops.size > 1 || inFolders.length < found.length;
      const name = file.name.toLowerCase();
      const hidden = path.split("/").some((part) => part.startsWith("."));
      const sound = !hidden && (file.type.startsWith("audio/") || endings.some((ending) => name.endsWith(ending)));
      // A file that was chosen by itself is the person's own decision: the server says what it is.
      return { file, path, sound: sound || !folders.length, category: telling ? (folders.at(-1) ?? "") : "" };
    })
    .sort((one, other) => natural.compare(one.path, other.path));
}
