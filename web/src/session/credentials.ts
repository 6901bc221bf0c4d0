// Which secret opens the next link, and what an ended one means for it: rules without a link or a clock.
import type { GrantFacts, Reason } from "../protocol/messages.ts";
import type { AwayFault } from "./roads.ts";
import type { Ended } from "./session.ts";

/** The reasons that end up on the screen as `LinkView` "refused". */
export type Refusal = "unknown_key" | "wrong_road" | "version" | "revoked" | "expired" | "busy" | "handshake";

/** How the next link introduces itself. `fetch`: without a key, to ask the wall for its ticket; `watch`: without a key, for good. */
export type Attempt =
  | { readonly by: "ticket"; readonly secret: Uint8Array }
  | { readonly by: "key"; readonly secret: Uint8Array }
  | { readonly by: "none"; readonly purpose: "watch" | "fetch" };

/** What happened to an attempt. `refused` came before the seal: anybody may have written it. */
export type Outcome =
  | Ended
  | { readonly why: "refused"; readonly reason: Refusal }
  | { readonly why: "spoiled" } // the handshake did not come out right
  | { readonly why: "unreached"; readonly fault: AwayFault | null; readonly hasOther: boolean } // no link came to be; another way is left
  | { readonly why: "bettered" } // the link was left for one at home, or for one without a relay
  | { readonly why: "fetched"; readonly ticket: Uint8Array };

/** What to do next. `again`: at once, with other credentials. `lost`: try again soon. `refused`: say so, ask again rarely or never. */
export type Step =
  | { readonly do: "again" }
  | { readonly do: "lost"; readonly fault?: AwayFault }
  | { readonly do: "elsewhere" }
  | { readonly do: "refused"; readonly reason: Refusal; readonly final: boolean };

/** A handshake that fails once may be a bad moment; the second in a row is told to the person. */
const SPOILED_MAX = 2;

export class Credentials {
  readonly #bare: "watch" | "enroll";
  readonly #ticketIsTheWalls: boolean;
  #ticket: Uint8Array | null;
  #key: Uint8Array | null;
  #spare: Uint8Array | null;
  #keyIsNew = false; // made in this page load and not yet known to the daemon
  #keyFailed = false; // refused before the seal: kept, but a fresh ticket comes first
  #spoiled = 0;

  constructor(options: { readonly ticket: Uint8Array | null; readonly key: Uint8Array | null; readonly spare?: Uint8Array | null; readonly bare: "watch" | "enroll" }) {
    this.#ticket = options.ticket;
    this.#ticketIsTheWalls = options.ticket === null;
    this.#key = options.key;
    this.#spare = options.spare ?? null;
    this.#bare = options.bare;
  }

  /** The key to enroll with, or null while one must be made. */
  get key(): Uint8Array | null {
    return this.#key;
  }

  /** A key this page has made and stored. */
  made(key: Uint8Array): void {
    this.#key = key;
    this.#keyIsNew = true;
  }

  next(): Attempt {
    if (this.#ticket !== null) return { by: "ticket", secret: this.#ticket };
    if (this.#key !== null && !this.#keyIsNew && !this.#keyFailed) return { by: "key", secret: this.#key };
    if (this.#bare === "enroll") return { by: "none", purpose: "fetch" };
    if (this.#key !== null && !this.#keyIsNew) return { by: "key", secret: this.#key };
    return { by: "none", purpose: "watch" };
  }

  /** The daemon answered hello: true when the device is known by its key from now on. */
  opened(attempt: Attempt, grant: GrantFacts | undefined): boolean {
    this.#spoiled = 0;
    if (attempt.by === "none" || grant?.device === undefined) return false;
    this.#ticket = null;
    this.#keyIsNew = false;
    this.#keyFailed = false;
    return true;
  }

  /** What follows from an attempt's end. `dropKey`: the daemon said under the seal that the key is worth nothing. */
  after(attempt: Attempt, outcome: Outcome): Step & { readonly dropKey?: true } {
    if (outcome.why !== "spoiled") this.#spoiled = 0;
    switch (outcome.why) {
      case "bettered":
        return { do: "again" };
      case "unreached":
        return this.#unreached(attempt, outcome);
      case "fetched":
        this.#ticket = outcome.ticket;
        return { do: "again" };
      case "refused":
        return this.#refused(attempt, outcome.reason);
      case "spoiled":
        this.#spoiled += 1;
        return this.#spoiled < SPOILED_MAX ? { do: "lost" } : { do: "refused", reason: "handshake", final: false };
      case "goodbye":
        return this.#goodbye(attempt, outcome.reason);
      case "ours":
        return outcome.reason === "version" ? { do: "refused", reason: "version", final: true } : { do: "lost" };
      case "lost":
        // The daemon may have enrolled the new key, and that used the ticket up; only its answer got lost.
        if (attempt.by === "ticket") this.#keyIsNew = false;
        return { do: "lost" };
    }
  }

  #unreached(attempt: Attempt, { fault, hasOther }: Extract<Outcome, { readonly why: "unreached" }>): Step {
    if (hasOther || (fault === "nobody" && this.#takesSpare(attempt))) return { do: "again" };
    if (fault === "version") return { do: "refused", reason: "version", final: false };
    return fault === null ? { do: "lost" } : { do: "lost", fault };
  }

  /** A code that leads nowhere (any more) is laid aside where an earlier one has left a key. */
  #takesSpare(attempt: Attempt): boolean {
    if (attempt.by !== "ticket" || this.#spare === null) return false;
    this.#ticket = null;
    this.#key = this.#spare;
    this.#keyIsNew = this.#keyFailed = false;
    this.#spare = null;
    return true;
  }

  #refused(attempt: Attempt, reason: Refusal): Step {
    const again: Step = { do: "again" };
    const told: Step = { do: "refused", reason, final: false };
    if (reason === "busy" || reason === "version") return told;
    if (attempt.by === "ticket") {
      if (this.#takesSpare(attempt)) return again;
      const known = this.#key !== null && !this.#keyIsNew && !this.#keyFailed;
      if (known || this.#ticketIsTheWalls) this.#ticket = null;
      // A ticket of the wall dies after 15 minutes: another one is to be had, but not in a tight circle.
      return known ? again : this.#ticketIsTheWalls ? { do: "lost" } : told;
    }
    if (attempt.by === "key" && this.#bare === "enroll" && reason === "unknown_key") {
      this.#keyFailed = true;
      return again;
    }
    return told;
  }

  #goodbye(attempt: Attempt, reason: Reason): Step & { readonly dropKey?: true } {
    switch (reason) {
      case "another_tab":
        return { do: "elsewhere" };
      case "version":
        return { do: "refused", reason, final: true };
      case "busy":
        return { do: "refused", reason, final: false };
      case "revoked":
      case "expired":
        return this.#keyIsWorthless(attempt, reason);
      default:
        return { do: "lost" };
    }
  }

  /** Said under the seal. An expired guest may come again with the wall's ticket; who was revoked must be asked in again. */
  #keyIsWorthless(attempt: Attempt, reason: "revoked" | "expired"): Step & { readonly dropKey?: true } {
    const told: Step = { do: "refused", reason, final: true };
    if (attempt.by === "none") return told;
    const hadKey = this.#key !== null;
    const fresh = this.#keyIsNew;
    this.#key = null;
    this.#keyIsNew = false;
    if (attempt.by === "ticket" && (fresh || !hadKey)) return { ...told, dropKey: true };
    // A ticket that is still in hand was not let in yet: this is about the key of an earlier visit.
    const isNewcomer = attempt.by === "ticket" && this.#ticket !== null;
    const mayComeAgain = isNewcomer || (reason === "expired" && this.#bare === "enroll");
    return mayComeAgain ? { do: "again", dropKey: true } : { ...told, dropKey: true };
  }
}
