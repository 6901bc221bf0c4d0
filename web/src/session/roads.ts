// Which way the next link is dialled: the home door first, the meeting point where home is out of reach. Rules without a clock.
import type { AwayFacts } from "../protocol/messages.ts";

/** Why nobody was reached through the meeting point. */
export type AwayFault =
  | "no_edge" // the meeting point itself does not answer
  | "nobody" // it does, and the computer is not there
  | "silent" // the computer is there and does not answer
  | "no_way" // both are there, and no connection came to be
  | "spoiled" // something between them changed what was said
  | "busy"
  | "version"; // one of the three is too old

/** The sentence is the page's. */
export class Unreached extends Error {
  readonly fault: AwayFault;

  constructor(fault: AwayFault) {
    super(`not reached through the meeting point (${fault})`);
    this.name = "Unreached";
    this.fault = fault;
  }
}

/** `secret` is null on the meeting point's own page: there the credentials' own one is used. */
export type Way =
  | { readonly by: "home"; readonly hasOther: boolean }
  | { readonly by: "away"; readonly edge: string; readonly secret: Uint8Array | null };

/** When the home door is looked for while the page is on its way elsewhere, in seconds since it left; then every `LOOK_EVERY_S`. */
const LOOK_AT_S = [2, 5, 11, 20];
export const LOOK_EVERY_S = 30;

/** Seconds from one try for a straight way to the next while a relay carries the link: each asks the computer's provider for a relay, too. */
const STRAIGHT_IN_S = [20, 40, 120, 300];
const STRAIGHT_EVERY_S = 900;

/** A page that is looked at again and again tries no more often. */
export const STRAIGHT_LEAST_S = 20;

export class Roads {
  readonly #hasHome: boolean;
  readonly #ownEdge: string | null;
  #edge: string | null = null;
  #secret: Uint8Array | null = null;
  #turn: "home" | "away" = "home";
  #awayFailed = false;

  /** `edge`: the address of the meeting point that this page itself came from; null on a home's own page. */
  constructor(edge: string | null) {
    this.#hasHome = edge === null;
    this.#ownEdge = edge;
  }

  /** Both ways are known. */
  get hasOther(): boolean {
    return this.#hasHome && this.#secret !== null;
  }

  /** What the computer says of other roads; a link away gives no new secret, and takes none. */
  told(away: AwayFacts | undefined): void {
    if (!this.#hasHome || away?.secret === undefined) return;
    this.#edge = away.edge;
    this.#secret = away.secret;
  }

  /** Access was ended: the secret is worth nothing either. */
  forget(): void {
    this.#edge = this.#secret = null;
  }

  /** Over the meeting point, whatever else there is; `secret` as in `Way`. */
  get away(): Pick<Way & { readonly by: "away" }, "edge" | "secret"> | null {
    if (this.#ownEdge !== null) return { edge: this.#ownEdge, secret: null };
    return this.#edge === null || this.#secret === null ? null : { edge: this.#edge, secret: this.#secret };
  }

  next(): Way {
    if (this.#ownEdge !== null) return { by: "away", edge: this.#ownEdge, secret: null };
    if (this.#turn === "away" && this.#edge !== null && this.#secret !== null) return { by: "away", edge: this.#edge, secret: this.#secret };
    return { by: "home", hasOther: this.hasOther };
  }

  /** Nobody was there: true when the other way is to be tried at once. */
  failed(way: Way["by"]): boolean {
    if (way === "away") this.#awayFailed = true;
    const goesOn = way === "home" && this.hasOther;
    this.#turn = goesOn ? "away" : "home";
    return goesOn;
  }

  /** A session came to be; the next link after it is looked for at home first. */
  opened(): void {
    this.#turn = "home";
    this.#awayFailed = false;
  }

  /** Who answers at the home address does not know us: on another network that is another computer. True once, until a session came to be. */
  get doubtsHome(): boolean {
    return this.hasOther && !this.#awayFailed;
  }
}

/** Seconds from one try for a straight way to the next; `tries` have been. */
export function straightIn(tries: number): number {
  return STRAIGHT_IN_S[tries] ?? STRAIGHT_EVERY_S;
}

/** Seconds from one look for the home door to the next; `looks` have been. */
export function lookIn(looks: number): number {
  const at = LOOK_AT_S[looks];
  return at === undefined ? LOOK_EVERY_S : at - (LOOK_AT_S[looks - 1] ?? 0);
}
