// What earlier page loads had asked this computer for: read once, and not carried by a relay without the person's word.
import type { Propose, RoadInUse } from "../protocol/messages.ts";
import type { Clock } from "./clock.ts";
import type { Home, HomeParts, Parts, Wish } from "./sinks/parts.ts";

/** The computer's proposals wait so long for a browser that is slow to say what was asked for. */
const WISHES_WAIT_S = 3;

export interface EarlierPorts {
  readonly clock: Clock;
  readonly parts?: Parts;
}

export class Earlier {
  readonly #ports: EarlierPorts;
  #home: Home | null = null;
  #read: Home | null = null; // whose wishes are known
  #parts: HomeParts | null = null;
  #waiting: Propose[] | null = null; // what came before they were
  #links = 0;

  constructor(ports: EarlierPorts) {
    this.#ports = ports;
  }

  /** Of the home of the latest link; null: nothing outlives the page. */
  get parts(): HomeParts | null {
    return this.#parts;
  }

  /** A link to this home: `restore` hears once what was asked for, then `propose` what came meanwhile. */
  attach(home: Home | null, restore: (wishes: readonly Wish[]) => void, propose: (page: Propose) => void): void {
    this.detach();
    if (home !== this.#home) this.#parts = home === null ? null : (this.#ports.parts?.of(home) ?? null);
    this.#home = home;
    if (this.#parts === null || home === this.#read) return;
    const link = this.#links;
    this.#waiting = [];
    const release = (): void => {
      if (link !== this.#links) return;
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      for (const page of waiting) propose(page);
    };
    const takeBack = this.#ports.clock.after(WISHES_WAIT_S, release);
    void this.#parts.wishes().then((wishes) => {
      takeBack();
      if (link !== this.#links) return; // asked again on the next link
      this.#read = home;
      restore(wishes);
      release();
    });
  }

  detach(): void {
    this.#links += 1;
    this.#waiting = null;
  }

  /** Takes a proposal that has to wait. */
  holdsBack(page: Propose): boolean {
    this.#waiting?.push(page);
    return this.#waiting !== null;
  }

  /** That key is worth nothing any more. */
  forget(home: Home): void {
    if (this.#read === home) this.#read = null;
    this.#ports.parts?.of(home).clear();
  }
}

/** What a relay would cost of it: asked while it, or nobody yet, is known to be the road. */
export function mustAsk(bytes: number, road: RoadInUse | null, asksAbove: number): boolean {
  return (road === null || road === "relay") && bytes > asksAbove;
}
