// The database in which parts of downloads lie: its two stores, and how a browser comes to them.

const DATABASE = "qrshared/1 parts";
const VERSION = 2; // 1 knew one home an address: what it kept is let go
export const WISHES = "wishes"; // by the home and the shelf item's id
export const PARTS = "parts"; // Blobs, by [home, the shelf item's id, the offset where it begins]

/** Null where there is none. A browser may take long over it, or never answer. */
export function openDatabase(): Promise<IDBDatabase | null> {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(DATABASE, VERSION);
      request.onupgradeneeded = () => {
        const database = request.result;
        for (const name of [...database.objectStoreNames]) database.deleteObjectStore(name);
        database.createObjectStore(WISHES, { keyPath: ["home", "item.item"] });
        database.createObjectStore(PARTS);
      };
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}
