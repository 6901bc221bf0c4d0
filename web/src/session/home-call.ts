// One call towards home: finds the computer in its room, asks what it gives for a link, and makes that link.
import { LinkClosed } from "../links/port.ts";
import type { Meeting, MeetingEvent, OverReason } from "../signaling/meeting.ts";
import type { MeetingMessage } from "../signaling/messages.ts";
import type { AwayLink, AwayPorts, IceServer } from "./away-link.ts";
import type { Conversation } from "./conversation.ts";
import { isRelay, Negotiation } from "./negotiation.ts";
import { Late, within } from "./patience.ts";
import { Room, type RoomOwner, type RoomPorts, type TurnKept } from "./room.ts";
import { type AwayFault, Unreached } from "./roads.ts";

/** From the call to the link, or to the sentence. */
export const CALL_S_MAX = 40;

/** An empty room may fill: the computer's own line may just be coming back. */
const ALONE_S_MAX = 5;

/** Whoever is there proves by then that it is the computer. */
const PROOF_S_MAX = 12;

/** How long the computer may think about what helps; it asks its providers for a second. */
const HELP_S_MAX = 8;

const FAULTS: Readonly<Record<OverReason, AwayFault>> = { bye: "nobody", no_answer: "silent", spoiled: "spoiled", reflected: "spoiled", wrong: "version" };

/** Something between changed what was said, in either direction. */
function isSpoiled(meeting: Meeting): boolean {
  return meeting.spoiled > 0 || meeting.spoiledThere > 0;
}

export function faultOf(reason: OverReason): AwayFault {
  return FAULTS[reason];
}

type CallPorts = RoomPorts & Pick<AwayPorts, "peerConnections" | "log">;

export class HomeCall implements RoomOwner {
  readonly room: Room;
  readonly answered: Promise<AwayLink>;
  readonly #ports: CallPorts;
  readonly #isRelayless: boolean;
  readonly #takeBacks: (() => void)[] = [];
  #resolve: (link: AwayLink) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #home: { readonly peer: string; readonly negotiation: Negotiation } | null = null;
  #onHelp: ((help: readonly IceServer[]) => void) | null = null;
  #isDone = false;
  #isWatched = false; // somebody is there

  /** Hears once that nothing is needed of the room any more. */
  onOver: () => void = () => undefined;

  /** `isRelayless`: of what helps, relays are left out. */
  constructor(secret: Uint8Array, ports: CallPorts, kept: TurnKept, isRelayless = false) {
    this.#ports = ports;
    this.#isRelayless = isRelayless;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#after(CALL_S_MAX, () => this.fail(new Unreached(this.#home === null ? this.#whyNobody() : "no_way")));
    this.room = new Room(secret, ports, kept, this);
  }

  present(peers: number): void {
    if (this.#isDone || this.#isWatched) return;
    if (peers === 0) return this.#after(ALONE_S_MAX, () => this.#isWatched || this.fail(new Unreached("nobody")));
    this.#isWatched = true;
    this.#after(PROOF_S_MAX, () => this.#home !== null || this.fail(new Unreached(this.#whyNobody())));
  }

  heard(peer: string, talk: Conversation, event: MeetingEvent): void {
    if (event.t === "verified" && talk.meeting.peerRole === "home" && this.#home === null && !this.#isDone) this.#begin(peer, talk);
    if (this.#home?.peer !== peer) return;
    if (event.t === "heard") this.#take(event.message);
    else if (event.t === "over") this.#lose(faultOf(event.reason));
  }

  gone(peer: string): void {
    if (this.#home?.peer === peer) this.#lose("nobody");
  }

  refused(): void {
    this.fail(new Unreached("busy"));
  }

  /** The end without a link. */
  fail(error: Error): void {
    if (this.#isDone) return;
    this.#done();
    this.#home?.negotiation.abort();
    this.#reject(error);
    this.onOver();
  }

  /** Nobody wants the link any more; one that is open stays. */
  drop(): void {
    this.fail(new LinkClosed("done"));
  }

  #begin(peer: string, talk: Conversation): void {
    const negotiation = new Negotiation("home", {
      ...this.#ports,
      say: (message) => talk.say(message),
      help: (attempt) => this.#help(peer, talk, attempt),
    });
    negotiation.onLost = () => this.onOver();
    this.#home = { peer, negotiation };
    negotiation.connect().then(
      (link) => this.#succeed(link),
      (error: Error) => {
        // Another one took its place: the computer came back under a new id.
        if (this.#home?.negotiation === negotiation) this.fail(error);
      },
    );
  }

  #succeed(link: AwayLink): void {
    if (this.#isDone) return link.close();
    this.#done();
    this.#resolve(link);
  }

  #take(message: MeetingMessage): void {
    if (message.t === "servers") this.#onHelp?.(message.servers);
    else this.#home?.negotiation.hear(message);
  }

  /** The computer went, or says what nobody may say: when it comes back under another id it is called again. */
  #lose(fault: AwayFault): void {
    const negotiation = this.#home?.negotiation;
    if (this.#isDone) return negotiation?.end(fault);
    this.#home = null;
    negotiation?.abort();
    if (fault !== "nobody") return this.fail(new Unreached(fault));
    this.#isWatched = false;
    this.present(0);
  }

  async #help(peer: string, talk: Conversation, attempt: number): Promise<readonly IceServer[]> {
    const told = new Promise<readonly IceServer[]>((resolve) => {
      this.#onHelp = resolve;
    });
    talk.say({ t: "call", attempt });
    try {
      const home = within(this.#ports.clock, HELP_S_MAX, told);
      if (this.#isRelayless) return (await home).filter((server) => !isRelay(server));
      return (await Promise.all([home, this.room.turn(peer)])).flat();
    } catch (error) {
      if (error instanceof Late) throw new Unreached(isSpoiled(talk.meeting) ? "spoiled" : "silent");
      throw error;
    }
  }

  #whyNobody(): AwayFault {
    const meetings = [...this.room.talks].map((talk) => talk.meeting);
    if (meetings.some(isSpoiled)) return "spoiled";
    return meetings.some((meeting) => meeting.peerRole !== "page") ? "silent" : "nobody";
  }

  #after(seconds: number, run: () => void): void {
    this.#takeBacks.push(this.#ports.clock.after(seconds, run));
  }

  #done(): void {
    this.#isDone = true;
    for (const takeBack of this.#takeBacks) takeBack();
  }
}
