/**
 * Keeps records of a rater in the browser's database (IndexedDB), in the order in which they came; what can't be kept
 * there (switched off, no room) is held in memory, for as long as the page is open.
 */

const DATABASE = "listening";
const STORES = ["events", "writes"];

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

/** @returns {Promise<IDBDatabase>} */
function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      for (const name of STORES) {
        const store = request.result.createObjectStore(name, { keyPath: "id", autoIncrement: true });
        store.createIndex("rater", "rater");
      }
    };
    request.onsuccess = () => {
      request.result.onclose = () => (opening = null); // the browser took it away: the next use opens it again
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opening;
}

export class DeviceStore {
  /** @type {Map<string | number, any>} */ #memory = new Map();
  #count = 0;

  /** @param {"events" | "writes"} name */
  constructor(name) {
    this.name = name;
  }

  /**
   * Keep a record, in place of that with the same `id` where it has one.
   * @param {{rater: string, id?: string}} record
   */
  async put(record) {
    try {
      await this.#transact("readwrite", (store) => store.put(record));
    } catch {
      const id = record.id ?? `memory-${++this.#count}`;
      this.#memory.set(id, { ...record, id });
    }
  }

  /** All records of a rater that can be read, oldest first. @param {string} rater @returns {Promise<any[]>} */
  async all(rater) {
    return (await this.read(rater)).records;
  }

  /**
   * The same, and whether these are all: a browser that is busy or short of room may fail to read what it keeps.
   * @param {string} rater
   * @returns {Promise<{records: any[], whole: boolean}>}
   */
  async read(rater) {
    const held = [...this.#memory.values()].filter((record) => record.rater === rater);
    try {
      const found = await this.#transact("readonly", (store) => store.index("rater").getAll(rater));
      return { records: [...found, ...held], whole: true };
    } catch {
      return { records: held, whole: false };
    }
  }

  /** @param {(string | number)[]} ids */
  async remove(ids) {
    for (const id of ids) this.#memory.delete(id);
    try {
      await this.#transact("readwrite", (store) => ids.forEach((id) => store.delete(id)));
    } catch {
      // they are sent once more, which does no harm
    }
  }

  /** @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest | void} use */
  async #transact(mode, use) {
    const database = await open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(this.name, mode);
      const request = use(transaction.objectStore(this.name));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}
