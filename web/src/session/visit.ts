// One page load's dealings with the daemon, over as many sessions as it takes: it dials, enrolls, and dials again.
import { LinkClosed } from "../links/port.ts";
import { isTrustedToPickUp } from "../protocol/grants.ts";
import type { GrantFacts, Hello, RoadInUse } from "../protocol/messages.ts";
import { VERSIONS } from "../protocol/versions.ts";
import { type Cipher, Refused, SealError, asSecret, knownProof, sameBytes } from "../seal/index.ts";
import { Backoff } from "./backoff.ts";
import type { Command, LinkView, Opening, Update } from "./bridge.ts";
import { type Attempt, Credentials, type Outcome, type Step } from "./credentials.ts";
import { Desk } from "./desk.ts";
import type { DeskPeers } from "./desk-peers.ts";
import { type Dialled, Dialler, type DiallerPorts } from "./dialler.ts";
import { browserInflate } from "./inflate.ts";
import { Outbox } from "./outbox.ts";
import type { PickUps } from "./pick-ups.ts";
import { homeOf } from "./sinks/parts.ts";
import type { Digest } from "./proof.ts";
import { RelayAsk } from "./relay-ask.ts";
import { Roads, Unreached, type Way } from "./roads.ts";
import type { SealedLink } from "./sealed-link.ts";
import { Session, type SessionMessage, type SessionOwner } from "./session.ts";
import { Signal } from "./signal.ts";
import type { Hasher } from "./taking.ts";

/** "already running in another tab": asked again in case that one was closed. */
const ELSEWHERE_RETRY_S = 3;

/** A session that lasted so long was no failure: the next loss is retried at once. */
const SETTLED_S = 5;

/** A link that is left for a better one is left when nothing has arrived for so long: what arrived is not sent again. */
const LEAVE_AFTER_S = 1;

/** On the slowest lines a window takes longer than that. */
const LEAVE_S_MAX = 10;

/** A new name is shown at once, more of them no oftener: each is written down by the page, and read out to who hears it. */
const NAMED_EVERY_S = 1;

const DEVICE_KEY_BYTES = 32;

/** What a visit needs of the world. */
export interface VisitPorts extends DiallerPorts {
  /** Numbers in [0, 1), for waiting times only. */
  readonly random: () => number;
  /** From the system's generator, for keys and ids. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** The faster cipher, or null where it cannot be had. */
  readonly bulkCipher: () => Promise<Cipher | null>;
  readonly digest: () => Promise<Digest>;
  readonly hasher?: () => Hasher;
  readonly tell: (update: Update) => void;
  /** Other devices that the daemon introduces. */
  readonly peers?: DeskPeers;
  /** What is taken from the shelf. */
  readonly pickUps?: PickUps;
}

export class Visit {
  readonly #opening: Opening;
  readonly #ports: VisitPorts;
  readonly #credentials: Credentials;
  readonly #backoff: Backoff;
  readonly #desk: Desk;
  readonly #outbox: Outbox;
  readonly #roads: Roads;
  readonly #dialler: Dialler;
  readonly #relay = new RelayAsk();
  #relayTold: Extract<Update, { t: "relay" }> = { t: "relay", question: "none", bytes: 0 };
  readonly #woken = new Signal();
  readonly #keyKept = new Signal();
  #session: Session | null = null;
  #link: SealedLink | null = null;
  #cipher: Cipher | null = null;
  #opened: Extract<LinkView, { state: "open" }> | null = null; // as it was shown last
  #wasOpen = false;
  #isNamed = false; // just now
  #takenAt = 0; // when the computer last said that something had arrived
  #isLeaving = false; // for a better link: nothing new goes out on this one
  #stopped = false;

  constructor(opening: Opening, ports: VisitPorts) {
    this.#opening = opening;
    this.#ports = ports;
    this.#credentials = new Credentials(opening);
    this.#backoff = new Backoff(ports.random);
    this.#desk = new Desk(opening.topics, ports.tell);
    this.#outbox = new Outbox({ ...ports, continues: opening.continues, isAskedForRoom: true, onBulk: () => void this.#hurry() });
    this.#roads = new Roads(opening.edge ?? null);
    this.#dialler = new Dialler(opening.socketUrl, this.#roads, ports, () => this.#leaveForBetter());
  }

  command(command: Exclude<Command, Opening>): void {
    switch (command.t) {
      case "key_kept":
        return this.#keyKept.raise();
      case "wake":
        this.#session?.wake();
        this.#ports.peers?.wake();
        this.#dialler.wake();
        return this.#woken.raise();
      case "peers":
        return this.#ports.peers?.order(command.order);
      case "shelf":
        return this.#ports.pickUps?.order(command.order);
      case "watch":
        return this.#desk.watch(command.topics);
      case "ask":
        return this.#desk.ask(command.id, command.verb);
      case "relay":
        this.#relay.answered(command.sendNow);
        return this.#askOfRelay();
      default:
        this.#outbox.command(command);
        return this.#askOfRelay();
    }
  }

  /** Runs until it was stopped, or until trying again is of no use. */
  async run(): Promise<void> {
    this.#show({ state: "connecting" });
    while (!this.#stopped) {
      const attempt = this.#credentials.next();
      const outcome = await this.#attempt(attempt);
      const { key } = this.#credentials;
      const step = this.#credentials.after(attempt, outcome);
      if (step.dropKey === true) {
        this.#roads.forget();
        if (key !== null) this.#ports.pickUps?.forgetAll(homeOf(key));
        this.#ports.tell({ t: "drop_key" });
      }
      if (this.#stopped || !(await this.#rest(step))) return;
    }
  }

  /** Says goodbye and runs no more. */
  stop(): void {
    this.#stopped = true;
    this.#ports.peers?.stop();
    this.#session?.end("done");
    this.#dialler.stop();
    this.#woken.raise();
  }

  /** Shows what happened and waits as long as it says; false when there is no use in trying again. */
  async #rest(step: Step): Promise<boolean> {
    switch (step.do) {
      case "again":
        return true;
      case "lost": {
        const retryInS = this.#backoff.afterLoss();
        this.#show({ state: "lost", retryInS, fault: step.fault ?? null });
        await this.#wakeOrAfter(retryInS);
        return true;
      }
      case "elsewhere":
        this.#show({ state: "elsewhere" });
        await this.#wakeOrAfter(ELSEWHERE_RETRY_S);
        return true;
      case "refused":
        if (step.reason === "revoked" || step.reason === "expired") {
          this.#outbox.detach(step.reason);
          this.#ports.peers?.stop();
        }
        this.#show({ state: "refused", reason: step.reason });
        if (!step.final) await this.#wakeOrAfter(step.reason === "busy" ? this.#backoff.afterLoss() : this.#backoff.afterRefusal());
        return !step.final;
    }
  }

  /** Once nothing more of what is on its way arrives, or has had its time. */
  #leaveForBetter(): void {
    const session = this.#session;
    if (session === null) return; // it was still being dialled
    this.#isLeaving = true;
    const since = this.#ports.clock.now();
    this.#takenAt = since;
    const leave = (): void => {
      const now = this.#ports.clock.now();
      const waitS = Math.min(this.#takenAt + LEAVE_AFTER_S, since + LEAVE_S_MAX) - now;
      if (waitS <= 0) return session.leave();
      this.#ports.clock.after(waitS, leave);
    };
    if (this.#outbox.toGo > 0) leave();
    else this.#ports.clock.after(0, () => session.leave());
  }

  async #attempt(attempt: Attempt): Promise<Outcome> {
    await this.#haveKey(attempt);
    const way = this.#dialler.next(attempt);
    let dialled: Dialled;
    try {
      dialled = await this.#dialler.dial(way, attempt);
      if (this.#cipher !== null) dialled.link.use(this.#cipher);
      this.#link = dialled.link;
    } catch (error) {
      return this.#failed(way, error);
    }
    if (this.#stopped) {
      dialled.link.close();
      return { why: "lost" };
    }
    return attempt.by === "none" && attempt.purpose === "fetch" ? this.#fetch(dialled.link) : this.#visit(dialled, attempt);
  }

  #failed(way: Way, error: unknown): Outcome {
    if (error instanceof LinkClosed || error instanceof Unreached) return this.#unreached(way, error instanceof Unreached ? error : null);
    if (!(error instanceof SealError)) throw error;
    // On another network the home address may be somebody else's computer; and nobody has signed that the road secret is too old.
    if (way.by === "home" ? this.#roads.doubtsHome : this.#roads.hasOther) return this.#unreached(way, null);
    return error instanceof Refused ? { why: "refused", reason: error.refusal } : { why: "spoiled" };
  }

  #unreached(way: Way, unreached: Unreached | null): Outcome {
    const hasOther = this.#roads.failed(way.by);
    if (hasOther && this.#wasOpen) this.#show({ state: "lost", retryInS: 0, fault: null });
    return { why: "unreached", fault: unreached?.fault ?? null, hasOther };
  }

  /** A key is stored by the page before the daemon hears of it: one that was enrolled and lost would be a ghost. */
  async #haveKey(attempt: Attempt): Promise<void> {
    if (attempt.by !== "ticket" || this.#credentials.key !== null) return;
    const key = this.#ports.randomBytes(DEVICE_KEY_BYTES);
    this.#ports.tell({ t: "keep_key", key });
    await this.#keyKept.wait();
    this.#credentials.made(key);
  }

  /** Much is about to be sent: the present link and all later ones seal faster as soon as they can. */
  async #hurry(): Promise<void> {
    this.#cipher ??= await this.#ports.bulkCipher();
    if (this.#cipher !== null) this.#link?.use(this.#cipher);
  }

  /** A link without a key, for as long as it takes the wall to say a ticket. */
  async #fetch(link: SealedLink): Promise<Outcome> {
    let ticket: Uint8Array | null = null;
    const owner: SessionOwner = {
      chunks: () => [],
      receive: (message) => {
        if (message.t !== "news" || message.facts.t !== "wall_facts") return;
        this.#desk.receive(message);
        ticket = ticketOf(message.facts.url);
        if (ticket !== null) session.end("done");
      },
    };
    const session = new Session(link, this.#ports.clock, owner);
    this.#session = session;
    if ((await session.greet(this.#hello())) !== null) session.post({ t: "watch", topics: ["wall"] });
    const ended = await session.run();
    this.#session = null;
    return ticket === null ? ended : { why: "fetched", ticket };
  }

  async #visit({ link, away }: Dialled, attempt: Attempt): Promise<Outcome> {
    const owner: SessionOwner = { chunks: (most) => (this.#isLeaving ? [] : this.#outbox.chunks(most)), receive: (message) => this.#receive(message) };
    // At home this page is the slower one, not the road.
    const session = new Session(link, this.#ports.clock, owner, away === null ? null : browserInflate());
    this.#session = session;
    this.#isLeaving = false;
    const key = attempt.by === "ticket" ? this.#credentials.key : null;
    const answer = await session.greet(key === null ? this.#hello() : { ...this.#hello(), enroll: key });
    const since = this.#ports.clock.now();
    if (answer !== null) {
      this.#open(session, link, attempt, answer, away === null ? "home" : away.road());
      if (away !== null) away.onRoad = (road) => this.#on(road); // the browser's statistics take a moment, and may change
    }
    const ended = await session.run();
    this.#session = null;
    this.#opened = null;
    this.#desk.detach();
    this.#ports.peers?.detach();
    this.#ports.pickUps?.detach();
    this.#outbox.detach();
    this.#relay.on(null, undefined);
    this.#dialler.carriedBy(null);
    if (this.#dialler.hasFound) return { why: "bettered" };
    if (answer !== null && this.#ports.clock.now() - since >= SETTLED_S) this.#backoff.reset();
    return ended;
  }

  #open(session: Session, link: SealedLink, attempt: Attempt, answer: Hello, known: RoadInUse | null): void {
    const grant: GrantFacts = answer.grant ?? { rights: [] };
    const road = known ?? "direct";
    const { key } = this.#credentials;
    const replaces = attempt.by === "ticket" ? this.#known(link, answer) : [];
    for (const old of replaces) if (key !== null) this.#ports.pickUps?.moved(homeOf(old), homeOf(key));
    if (this.#credentials.opened(attempt, grant)) this.#ports.tell({ t: "enrolled", key, replaces });
    this.#wasOpen = true;
    this.#roads.told(grant.away);
    this.#roads.opened();
    this.#opened = { state: "open", computer: answer.name, grant: withoutSecret(grant), words: answer.words ?? null, road };
    this.#on(road);
    this.#desk.attach((message) => session.post(message));
    this.#ports.peers?.attach((message) => session.post(message), grant.away?.relay_ask_bytes);
    if (grant.rights.includes("send")) this.#outbox.attach(session, isTrustedToPickUp(grant));
    if (!grant.rights.includes("pick_up")) return;
    this.#ports.pickUps?.attach({
      computer: answer.name, home: grant.device === undefined || key === null ? null : homeOf(key), road: known, asksAbove: grant.away?.relay_ask_bytes ?? Number.POSITIVE_INFINITY,
      post: (...messages) => session.post(...messages), hurry: () => void this.#hurry(),
    });
  }

  /** Earlier keys for the computer at the other end: it has shown that it holds them too. */
  #known(link: SealedLink, { proofs = [] }: Hello): readonly Uint8Array[] {
    return (this.#opening.others ?? []).filter((key) => {
      const expected = knownProof(key, link.handshakeHash);
      return proofs.some((proof) => sameBytes(proof, expected));
    });
  }

  /** Its owner gave the computer another name. */
  #called(name: string): void {
    if (this.#opened === null) return;
    this.#opened = { ...this.#opened, computer: name };
    if (this.#isNamed) return; // it is shown in a moment
    this.#isNamed = true;
    this.#show(this.#opened);
    this.#ports.clock.after(NAMED_EVERY_S, () => {
      this.#isNamed = false;
      if (this.#opened !== null && this.#opened.computer !== name) this.#called(this.#opened.computer);
    });
  }

  #on(road: RoadInUse): void {
    if (this.#opened === null) return;
    this.#opened = { ...this.#opened, road };
    this.#show(this.#opened);
    this.#ports.pickUps?.on(road);
    this.#relay.on(road, this.#opened.grant.away?.relay_ask_bytes);
    this.#dialler.carriedBy(road, this.#credentials.next());
    this.#askOfRelay();
  }

  #receive(message: SessionMessage): void {
    switch (message.t) {
      case "answer":
      case "refuse":
        if (this.#ports.pickUps?.answered(message) === true || this.#ports.peers?.answered(message) === true) return;
        return this.#desk.receive(message);
      case "news":
        if (message.facts.t === "shelf_list") this.#ports.pickUps?.listed(message.facts.items);
        return this.#desk.receive(message);
      case "rename":
        return this.#called(message.name);
      case "introduce":
        return this.#ports.peers?.introduce(message);
      case "envelope":
        return this.#ports.peers?.envelope(message);
      case "propose": // where nobody may pick up: one answer for all its pages
        if (this.#ports.pickUps?.receive(message) !== true && !message.more) this.#session?.post({ t: "decline", transfer: message.transfer, reason: "unsupported" });
        return;
      case "ask": // these two are ours to say
      case "watch":
        return;
      case "taken":
        this.#takenAt = this.#ports.clock.now();
        return this.#outbox.receive(message);
      default:
        return this.#ports.pickUps?.receive(message) === true ? undefined : this.#outbox.receive(message);
    }
  }

  /** What is much for a relay waits until the person has said what to do. */
  #askOfRelay(): void {
    this.#relay.has(this.#outbox.toGo);
    const { question, toGo: bytes } = this.#relay;
    this.#outbox.hold(question !== "none");
    const told = this.#relayTold;
    if (question === told.question && (question === "none" || bytes === told.bytes)) return;
    this.#relayTold = { t: "relay", question, bytes };
    this.#ports.tell(this.#relayTold);
  }

  #hello(): Hello {
    const { name, kind, instance } = this.#opening;
    return { t: "hello", versions: VERSIONS, name, kind, instance };
  }

  #show(link: LinkView): void {
    this.#ports.tell({ t: "link", link });
  }

  async #wakeOrAfter(seconds: number): Promise<void> {
    const takeBack = this.#ports.clock.after(seconds, () => this.#woken.raise());
    await this.#woken.wait();
    takeBack();
  }
}

/** For the screen, which has no use for it. */
function withoutSecret({ away, ...grant }: GrantFacts): GrantFacts {
  return away === undefined ? grant : { ...grant, away: { edge: away.edge, relay_ask_bytes: away.relay_ask_bytes } };
}

/** The ticket in a wall's URL, or null when it shows none. */
function ticketOf(url: string | undefined): Uint8Array | null {
  const fragment = url?.split("#")[1];
  return fragment === undefined ? null : asSecret(fragment);
}
