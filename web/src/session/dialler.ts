// Makes the sealed links of a visit: at home, or away over the meeting point; and while it is away it looks for the home door.
import { type Link, LinkClosed } from "../links/port.ts";
import { Initiator, Refused, SealError } from "../seal/index.ts";
import type { AwayLink } from "./away-link.ts";
import type { Clock } from "./clock.ts";
import type { Attempt } from "./credentials.ts";
import { lookIn, type Roads, type Way } from "./roads.ts";
import { HANDSHAKE_S_MAX, type SealedLink, sealAsInitiator } from "./sealed-link.ts";

/** Where the home door does not open by then, the other way is tried: at home it opens in a tenth of a second. */
const HOME_WAIT_MS = 3_000;

/** A link to the computer over the meeting point. */
export type AwayDialled = Pick<AwayLink, "link" | "road" | "onRoad">;

export interface DiallerPorts {
  /** A link to the home door; throws `LinkClosed` when there is none within `waitMs`. */
  readonly connect: (url: string, waitMs?: number) => Promise<Link>;
  /** A link through a meeting point to whoever knows the secret; throws `Unreached`, or `LinkClosed` after `signal`. */
  readonly dialAway: (edge: string, secret: Uint8Array, signal: AbortSignal) => Promise<AwayDialled>;
  /** Home is reached: nothing is wanted of the meeting point any more. */
  readonly hangUp: () => void;
  readonly clock: Clock;
}

export interface Dialled {
  readonly link: SealedLink;
  /** Null: the door at home. */
  readonly away: AwayDialled | null;
}

export class Dialler {
  readonly #url: string;
  readonly #roads: Roads;
  readonly #ports: DiallerPorts;
  readonly #onHome: () => void;
  #home: SealedLink | null = null; // found while looking, and not used yet
  #giveUp: AbortController | null = null; // of the dialling that is under way
  #looking: Looking | null = null;

  /** `onHome`: there is a link home now; the next `dial` gives it. */
  constructor(url: string, roads: Roads, ports: DiallerPorts, onHome: () => void) {
    this.#url = url;
    this.#roads = roads;
    this.#ports = ports;
    this.#onHome = onHome;
  }

  /** A link home waits for the next `dial`. */
  get isHome(): boolean {
    return this.#home !== null;
  }

  /** How the next link will be dialled. */
  next(attempt: Attempt): Way {
    if (this.isHome || attempt.by === "none") return { by: "home", hasOther: false };
    return this.#roads.next();
  }

  /** Throws `LinkClosed`, `Refused`, another seal error, or `Unreached`. */
  async dial(way: Way, attempt: Attempt): Promise<Dialled> {
    const own = attempt.by === "none" ? undefined : attempt.secret;
    if (way.by === "home" || own === undefined) {
      this.#look(null);
      const found = this.#found();
      if (found !== null) return found;
      const isHurried = way.by === "home" && way.hasOther;
      const link = await this.#dialHome(own, isHurried ? HOME_WAIT_MS : undefined);
      this.#ports.hangUp();
      return { link, away: null };
    }
    const isAway = way.secret !== null; // from home
    if (isAway && this.#looking === null) this.#look(own);
    const giveUp = new AbortController();
    this.#giveUp = giveUp;
    try {
      const secret = way.secret ?? own;
      const away = await this.#ports.dialAway(way.edge, secret, giveUp.signal);
      giveUp.signal.addEventListener("abort", () => away.link.close("done"));
      const link = await this.#seal(away.link, new Initiator("away", secret));
      return { link, away };
    } catch (error) {
      const found = this.#found();
      if (found === null) throw error;
      return found;
    } finally {
      this.#giveUp = null;
    }
  }

  /** The page is visible or online again: perhaps at home. */
  wake(): void {
    this.#looking?.now();
  }

  stop(): void {
    this.#look(null);
    this.#giveUp?.abort();
    this.#home?.close("done");
    this.#home = null;
  }

  #found(): Dialled | null {
    const link = this.#home;
    this.#home = null;
    if (link !== null) this.#ports.hangUp();
    return link === null ? null : { link, away: null };
  }

  async #dialHome(secret: Uint8Array | undefined, waitMs: number | undefined): Promise<SealedLink> {
    return this.#seal(await this.#ports.connect(this.#url, waitMs), new Initiator("home", secret));
  }

  async #seal(link: Link, initiator: Initiator): Promise<SealedLink> {
    const takeBack = this.#ports.clock.after(HANDSHAKE_S_MAX, () => link.close("lost"));
    try {
      return await sealAsInitiator(link, initiator);
    } finally {
      takeBack();
    }
  }

  /** Looks for the home door from now on, or (without a secret) no longer. */
  #look(secret: Uint8Array | null): void {
    this.#looking?.stop();
    this.#looking = secret === null ? null : new Looking(this.#ports.clock, () => this.#dialHome(secret, HOME_WAIT_MS), (link) => {
      this.#looking = null;
      this.#home = link;
      this.#giveUp?.abort();
      this.#onHome();
    });
  }
}

/** Dials home now and then until that succeeds. */
class Looking {
  readonly #clock: Clock;
  readonly #dial: () => Promise<SealedLink>;
  readonly #onFound: (link: SealedLink) => void;
  #looks = 0;
  #isDialling = false;
  #isOver = false;
  #takeBack = (): void => undefined;

  constructor(clock: Clock, dial: () => Promise<SealedLink>, onFound: (link: SealedLink) => void) {
    this.#clock = clock;
    this.#dial = dial;
    this.#onFound = onFound;
    this.#later();
  }

  now(): void {
    void this.#look();
  }

  stop(): void {
    this.#isOver = true;
    this.#takeBack();
  }

  #later(): void {
    this.#takeBack = this.#clock.after(lookIn(this.#looks), () => this.now());
    this.#looks += 1;
  }

  async #look(): Promise<void> {
    if (this.#isDialling || this.#isOver) return;
    this.#isDialling = true;
    this.#takeBack();
    const link = await this.#dial().catch(notHome);
    this.#isDialling = false;
    if (link === null) {
      if (!this.#isOver) this.#later();
      return;
    }
    if (this.#isOver) return link.close("done");
    this.#isOver = true;
    this.#onFound(link);
  }
}

/** What ends a look: nobody there, or somebody else. Anything else is our own fault. */
function notHome(error: unknown): null {
  if (error instanceof LinkClosed || error instanceof Refused || error instanceof SealError) return null;
  throw error;
}
