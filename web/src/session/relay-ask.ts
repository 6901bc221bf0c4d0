// Whether the person has to be asked before much goes through the relay: rules without a link or a clock.
import type { RoadInUse } from "../protocol/messages.ts";

/** How the question stands. `waits`: the answer was to wait for another road. */
export type RelayQuestion = "none" | "asked" | "waits";

export class RelayAsk {
  #road: RoadInUse | null = null;
  #askBytes = Number.POSITIVE_INFINITY;
  #toGo = 0;
  #mayUse = false; // for the rest of this page load
  #question: RelayQuestion = "none";

  get question(): RelayQuestion {
    return this.#question;
  }

  /** Bytes that are still to be sent. */
  get toGo(): number {
    return this.#toGo;
  }

  /** The road in use, null between two; `askBytes` is where the computer's owner wants to be asked. */
  on(road: RoadInUse | null, askBytes: number | undefined): void {
    this.#road = road;
    if (askBytes !== undefined) this.#askBytes = askBytes;
    if (road !== null && road !== "relay") this.#question = "none";
    this.#look();
  }

  /** Something was chosen, sent or cancelled. */
  has(toGo: number): void {
    this.#toGo = toGo;
    if (toGo === 0) this.#question = "none";
    this.#look();
  }

  answered(sendNow: boolean): void {
    if (this.#question === "none") return;
    this.#mayUse = sendNow;
    this.#question = sendNow ? "none" : "waits";
  }

  /** Once asked it stays asked, also while the link is away: what is told must not flicker. */
  #look(): void {
    if (this.#road === "relay" && !this.#mayUse && this.#toGo > this.#askBytes && this.#question === "none") this.#question = "asked";
  }
}
