// The place a person chose, as sinks; all that a page load holds in memory shares one room.
import type { PeerNews, Place } from "../peer-bridge.ts";
import { DownloadSinks } from "./download.ts";
import { FileSinks, FolderSinks } from "./files.ts";
import { MemorySinks, type Outliving, Room } from "./memory.ts";
import type { Sinks } from "./port.ts";

export interface PlacesPorts {
  readonly tell: (news: Extract<PeerNews, { readonly t: "held" | "download" }>) => void;
  readonly randomBytes: (count: number) => Uint8Array;
}

export class Places {
  readonly #ports: PlacesPorts;
  readonly #room: Room;

  constructor(ports: PlacesPorts) {
    this.#ports = ports;
    this.#room = new Room((bytes) => ports.tell({ t: "held", bytes }));
  }

  /** For one transfer. `outliving`: what memory would lose. */
  sinks(place: Place, outliving: Outliving | null = null): Sinks {
    switch (place.by) {
      case "file":
        return new FileSinks(place.handle);
      case "folder":
        return new FolderSinks(place.handle);
      case "download":
        return new DownloadSinks({ start: (start) => this.#ports.tell({ t: "download", start }), randomBytes: this.#ports.randomBytes });
      case "memory":
        return new MemorySinks(place.limit, this.#room, outliving);
    }
  }

  /** Bytes that are held, or that there is a promise of room for. */
  get held(): number {
    return this.#room.held;
  }

  /** So much of what was held has left the page. */
  saved(bytes: number): void {
    this.#room.give(bytes);
  }
}
