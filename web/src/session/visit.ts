// One page load's dealings with the daemon, over as many sessions as it takes: it dials, enrolls, and dials again.
import { type Link, LinkClosed } from "../links/port.ts";
import type { GrantFacts, Hello } from "../protocol/messages.ts";
import { VERSIONS } from "../protocol/versions.ts";
import { type Cipher, Initiator, Refused, SealError, secretFromFragment } from "../seal/index.ts";
import { Backoff } from "./backoff.ts";
import type { Command, LinkView, Opening, Update } from "./bridge.ts";
import type { Clock } from "./clock.ts";
import { type Attempt, Credentials, type Outcome, type Step } from "./credentials.ts";
import { Desk } from "./desk.ts";
import { Outbox } from "./outbox.ts";
import type { Digest } from "./proof.ts";
import { HANDSHAKE_S_MAX, type SealedLink, sealAsInitiator } from "./sealed-link.ts";
import { Session, type SessionMessage, type SessionOwner } from "./session.ts";
import { Signal } from "./signal.ts";

/** "already running in another tab": asked again in case that one was closed. */
const ELSEWHERE_RETRY_S = 3;

/** A session that lasted so long was no failure: the next loss is retried at once. */
const SETTLED_S = 5;

const DEVICE_KEY_BYTES = 32;

/** What a visit needs of the world. */
export interface VisitPorts {
  readonly connect: (url: string) => Promise<Link>;
  readonly clock: Clock;
  /** Numbers in [0, 1), for waiting times only. */
  readonly random: () => number;
  /** From the system's generator, for keys and ids. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** The faster cipher, or null where it cannot be had. */
  readonly bulkCipher: () => Promise<Cipher | null>;
  readonly digest: () => Promise<Digest>;
  readonly tell: (update: Update) => void;
}

export class Visit {
  readonly #opening: Opening;
  readonly #ports: VisitPorts;
  readonly #credentials: Credentials;
  readonly #backoff: Backoff;
  readonly #desk: Desk;
  readonly #outbox: Outbox;
  readonly #woken = new Signal();
  readonly #keyKept = new Signal();
  #session: Session | null = null;
  #link: SealedLink | null = null;
  #cipher: Cipher | null = null;
  #stopped = false;

  constructor(opening: Opening, ports: VisitPorts) {
    this.#opening = opening;
    this.#ports = ports;
    this.#credentials = new Credentials(opening);
    this.#backoff = new Backoff(ports.random);
    this.#desk = new Desk(opening.topics, ports.tell);
    this.#outbox = new Outbox({ ...ports, continues: opening.continues, onBulk: () => void this.#hurry() });
  }

  command(command: Exclude<Command, Opening>): void {
    switch (command.t) {
      case "key_kept":
        return this.#keyKept.raise();
      case "wake":
        this.#session?.wake();
        return this.#woken.raise();
      case "watch":
        return this.#desk.watch(command.topics);
      case "ask":
        return this.#desk.ask(command.id, command.verb);
      default:
        return this.#outbox.command(command);
    }
  }

  /** Runs until it was stopped, or until trying again is of no use. */
  async run(): Promise<void> {
    this.#show({ state: "connecting" });
    while (!this.#stopped) {
      const attempt = this.#credentials.next();
      const outcome = await this.#attempt(attempt);
      const step = this.#credentials.after(attempt, outcome);
      if (step.dropKey === true) this.#ports.tell({ t: "drop_key" });
      if (this.#stopped || !(await this.#rest(step))) return;
    }
  }

  /** Says goodbye and runs no more. */
  stop(): void {
    this.#stopped = true;
    this.#session?.end("done");
    this.#woken.raise();
  }

  /** Shows what happened and waits as long as it says; false when there is no use in trying again. */
  async #rest(step: Step): Promise<boolean> {
    switch (step.do) {
      case "again":
        return true;
      case "lost": {
        const retryInS = this.#backoff.afterLoss();
        this.#show({ state: "lost", retryInS });
        await this.#wakeOrAfter(retryInS);
        return true;
      }
      case "elsewhere":
        this.#show({ state: "elsewhere" });
        await this.#wakeOrAfter(ELSEWHERE_RETRY_S);
        return true;
      case "refused":
        this.#show({ state: "refused", reason: step.reason });
        if (!step.final) await this.#wakeOrAfter(step.reason === "busy" ? this.#backoff.afterLoss() : this.#backoff.afterRefusal());
        return !step.final;
    }
  }

  async #attempt(attempt: Attempt): Promise<Outcome> {
    await this.#haveKey(attempt);
    let link: SealedLink;
    try {
      link = await this.#seal(attempt);
      if (this.#cipher !== null) link.use(this.#cipher);
      this.#link = link;
    } catch (error) {
      if (error instanceof Refused) return { why: "refused", reason: error.refusal };
      if (error instanceof LinkClosed) return { why: "lost" };
      if (error instanceof SealError) return { why: "spoiled" };
      throw error;
    }
    if (this.#stopped) {
      link.close();
      return { why: "lost" };
    }
    return attempt.by === "none" && attempt.purpose === "fetch" ? this.#fetch(link) : this.#visit(link, attempt);
  }

  /** A key is stored by the page before the daemon hears of it: one that was enrolled and lost would be a ghost. */
  async #haveKey(attempt: Attempt): Promise<void> {
    if (attempt.by !== "ticket" || this.#credentials.key !== null) return;
    const key = this.#ports.randomBytes(DEVICE_KEY_BYTES);
    this.#ports.tell({ t: "keep_key", key });
    await this.#keyKept.wait();
    this.#credentials.made(key);
  }

  async #seal(attempt: Attempt): Promise<SealedLink> {
    const link = await this.#ports.connect(this.#opening.socketUrl);
    const takeBack = this.#ports.clock.after(HANDSHAKE_S_MAX, () => link.close("lost"));
    try {
      return await sealAsInitiator(link, new Initiator("home", attempt.by === "none" ? undefined : attempt.secret));
    } finally {
      takeBack();
    }
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

  async #visit(link: SealedLink, attempt: Attempt): Promise<Outcome> {
    const session = new Session(link, this.#ports.clock, { chunks: (most) => this.#outbox.chunks(most), receive: (message) => this.#receive(message) });
    this.#session = session;
    const key = attempt.by === "ticket" ? this.#credentials.key : null;
    const answer = await session.greet(key === null ? this.#hello() : { ...this.#hello(), enroll: key });
    const since = this.#ports.clock.now();
    if (answer !== null) this.#open(session, attempt, answer);
    const ended = await session.run();
    this.#session = null;
    this.#desk.detach();
    this.#outbox.detach();
    if (answer !== null && this.#ports.clock.now() - since >= SETTLED_S) this.#backoff.reset();
    return ended;
  }

  #open(session: Session, attempt: Attempt, answer: Hello): void {
    const grant: GrantFacts = answer.grant ?? { rights: [] };
    if (this.#credentials.opened(attempt, grant)) this.#ports.tell({ t: "enrolled" });
    this.#show({ state: "open", computer: answer.name, grant, words: answer.words ?? null });
    this.#desk.attach((message) => session.post(message));
    if (grant.rights.includes("send")) this.#outbox.attach(session);
  }

  #receive(message: SessionMessage): void {
    switch (message.t) {
      case "news":
      case "answer":
      case "refuse":
        return this.#desk.receive(message);
      case "propose": // this page takes nothing yet; one answer for all its pages
        if (!message.more) this.#session?.post({ t: "decline", transfer: message.transfer, reason: "unsupported" });
        return;
      case "ask": // these two are ours to say
      case "watch":
        return;
      default:
        return this.#outbox.receive(message);
    }
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

/** The ticket in a wall's URL, or null when it shows none. */
function ticketOf(url: string | undefined): Uint8Array | null {
  const fragment = url?.split("#")[1];
  if (fragment === undefined) return null;
  try {
    return secretFromFragment(fragment);
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
