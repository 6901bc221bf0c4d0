// Makes the sealed links of a visit: at home, or away over the meeting point; and while it is away it looks for a better one.
import type { Link } from "../links/port.ts";
import type { RoadInUse } from "../protocol/messages.ts";
import { Initiator } from "../seal/index.ts";
import type { AwayLink } from "./away-link.ts";
import type { Clock } from "./clock.ts";
import type { Attempt } from "./credentials.ts";
import { Looking } from "./looking.ts";
import { within } from "./patience.ts";
import { lookIn, type Roads, straightIn, STRAIGHT_LEAST_S, type Way } from "./roads.ts";
import { HANDSHAKE_S_MAX, type SealedLink, sealAsInitiator } from "./sealed-link.ts";

/** Where the home door does not open by then, the other way is tried: at home it opens in a tenth of a second. */
const HOME_WAIT_MS = 3_000;

/** ICE may begin with a relay of the computer's and find the straight way a moment later. */
const SETTLE_S_MAX = 4;

/** A link to the computer over the meeting point. */
export type AwayDialled = Pick<AwayLink, "link" | "road" | "onRoad">;

export interface DiallerPorts {
  /** A link to the home door; throws `LinkClosed` when there is none within `waitMs`. */
  readonly connect: (url: string, waitMs?: number) => Promise<Link>;
  /**
   * A link through a meeting point to whoever knows the secret; throws `Unreached`, or `LinkClosed` after `signal`.
   * `relayless`: no relay is asked for on this side, and none is tried alone. A link that is open already stays.
   */
  readonly dialAway: (edge: string, secret: Uint8Array, signal: AbortSignal, relayless?: boolean) => Promise<AwayDialled>;
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
  readonly #onFound: () => void;
  #found: Dialled | null = null; // while looking, and not used yet
  #giveUp: AbortController | null = null; // of the dialling that is under way
  #looking: Looking | null = null; // for the home door
  #straightening: Looking | null = null; // for a way without a relay

  /** `onFound`: there is a better link now; the next `dial` gives it. */
  constructor(url: string, roads: Roads, ports: DiallerPorts, onFound: () => void) {
    this.#url = url;
    this.#roads = roads;
    this.#ports = ports;
    this.#onFound = onFound;
  }

  /** A better link waits for the next `dial`. */
  get hasFound(): boolean {
    return this.#found !== null;
  }

  /** How the next link will be dialled. */
  next(attempt: Attempt): Way {
    if (this.hasFound || attempt.by === "none") return { by: "home", hasOther: false };
    return this.#roads.next();
  }

  /** Throws `LinkClosed`, `Refused`, another seal error, or `Unreached`. */
  async dial(way: Way, attempt: Attempt): Promise<Dialled> {
    const better = this.#take();
    if (better !== null) return better;
    const own = attempt.by === "none" ? undefined : attempt.secret;
    if (way.by === "home" || own === undefined) {
      this.#look(null);
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
      return await this.#sealAway(away, secret, giveUp.signal);
    } catch (error) {
      const found = this.#take();
      if (found === null) throw error;
      return found;
    } finally {
      this.#giveUp = null;
    }
  }

  /** What carries the session now, if there is one. While a relay does, a straight way is looked for with these credentials. */
  carriedBy(road: RoadInUse | null, attempt?: Attempt): void {
    const way = this.#roads.away;
    const secret = way?.secret ?? (attempt === undefined || attempt.by === "none" ? null : attempt.secret);
    if (road !== "relay" || way === null || secret === null) {
      this.#straightening?.stop();
      this.#straightening = null;
      return;
    }
    const dial = (signal: AbortSignal): Promise<Dialled> => this.#dialStraight(way.edge, secret, signal);
    this.#straightening ??= new Looking(this.#ports.clock, { inS: straightIn, dial, leastS: STRAIGHT_LEAST_S }, (found) => this.#leaveFor(found));
  }

  /** The page is visible or online again: perhaps at home. */
  wake(): void {
    this.#looking?.now();
    this.#straightening?.now();
  }

  stop(): void {
    this.#look(null);
    this.carriedBy(null);
    this.#giveUp?.abort();
    this.#found?.link.close("done");
    this.#found = null;
  }

  #leaveFor(found: Dialled): void {
    this.carriedBy(null);
    this.#found?.link.close("done");
    this.#found = found;
    this.#giveUp?.abort();
    this.#onFound();
  }

  #take(): Dialled | null {
    const found = this.#found;
    this.#found = null;
    if (found?.away === null) this.#ports.hangUp();
    return found;
  }

  async #dialStraight(edge: string, secret: Uint8Array, signal: AbortSignal): Promise<Dialled> {
    const away = await this.#ports.dialAway(edge, secret, signal, true);
    try {
      await straight(this.#ports.clock, away);
    } catch (error) {
      away.link.close("done");
      throw error;
    }
    return this.#sealAway(away, secret, signal);
  }

  async #sealAway(away: AwayDialled, secret: Uint8Array, signal: AbortSignal): Promise<Dialled> {
    signal.addEventListener("abort", () => away.link.close("done"));
    return { link: await this.#seal(away.link, new Initiator("away", secret)), away };
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
    if (secret === null) {
      this.#looking = null;
      return;
    }
    const dial = async (): Promise<Dialled> => ({ link: await this.#dialHome(secret, HOME_WAIT_MS), away: null });
    this.#looking = new Looking(this.#ports.clock, { inS: lookIn, dial, leastS: 0 }, (found) => {
      this.#looking = null;
      this.#leaveFor(found);
    });
  }
}

/** Resolves when this link goes without a relay; throws `Late` if it does not. */
async function straight(clock: Clock, away: AwayDialled): Promise<void> {
  if (away.road() === "direct") return;
  const turned = new Promise<void>((resolve) => {
    away.onRoad = (road) => {
      if (road === "direct") resolve();
    };
  });
  await within(clock, SETTLE_S_MAX, turned);
}
