// A daemon made of the same parts as the page, over memory links with the real seal: doors, devices, and what it says.
import { randomBytes } from "node:crypto";
import { type MemoryLink, memoryLinks } from "../../src/links/memory.ts";
import { type Link, LinkClosed } from "../../src/links/port.ts";
import { decode, encode } from "../../src/protocol/codec.ts";
import type { GrantFacts, Hello, Message, Reason } from "../../src/protocol/messages.ts";
import { type AwayFault, Unreached } from "../../src/session/roads.ts";
import { type Found, type Refusal, Responder, type Sealed, deriveKeys } from "../../src/seal/index.ts";

type Holder = { readonly by: "ticket" } | { readonly by: "device"; readonly id: string } | { readonly by: "nobody" };

/** One sealed link at the daemon's end. */
export class Guest {
  readonly #daemon: DaemonDouble;
  readonly link: MemoryLink;
  readonly #sealed: Sealed;
  readonly holder: Holder;
  readonly road: "home" | "away";
  hello: Hello | null = null;
  device: string | null = null;
  readonly heard: Message[] = [];
  ended: string | null = null;

  constructor(daemon: DaemonDouble, link: MemoryLink, sealed: Sealed, holder: Holder, road: "home" | "away") {
    this.#daemon = daemon;
    this.link = link;
    this.#sealed = sealed;
    this.holder = holder;
    this.road = road;
    if (holder.by === "device") this.device = holder.id;
  }

  async run(early: readonly Uint8Array[]): Promise<void> {
    try {
      for (let messages = early; ; messages = await this.link.receive()) {
        for (const message of messages) await this.#take(decode(this.#sealed.open(message)));
      }
    } catch (error) {
      if (!(error instanceof LinkClosed)) throw error;
      this.ended = error.reason;
      this.#daemon.left(this);
    }
  }

  async say(...messages: readonly Message[]): Promise<void> {
    try {
      for (const message of messages) await this.link.send(this.#sealed.seal(encode(message)));
    } catch (error) {
      if (!(error instanceof LinkClosed)) throw error; // the page has left meanwhile
    }
  }

  async goodbye(reason: Reason): Promise<void> {
    await this.say({ t: "goodbye", reason });
    this.link.close("done");
  }

  cut(): void {
    this.link.close("lost");
  }

  async #take(message: Message): Promise<void> {
    this.heard.push(message);
    if (message.t === "ping") return this.say({ t: "pong", n: message.n });
    if (message.t === "hello") return this.#daemon.greet(this, message);
    await this.#daemon.onMessage(this, message);
    this.#daemon.changed();
  }
}

export class DaemonDouble {
  readonly tickets = new Set<string>(); // key ids
  readonly devices = new Map<string, { readonly id: string; readonly sessionAuth: Uint8Array }>(); // by key id
  readonly #ticketAuth = new Map<string, Uint8Array>();
  readonly guests: Guest[] = []; // all that ever were
  refusal: Refusal | null = null; // before the seal, for everybody
  farewell: Reason | null = null; // instead of hello's answer
  grant: Partial<GrantFacts> = { rights: ["send"] };
  isDown = false;
  refusesAwayToo = true;
  readonly #away = new Map<string, { readonly id: string; readonly sessionAuth: Uint8Array }>(); // by key id, on that road only
  isSingle = false; // a device has one live link: the newest
  awayFault: AwayFault | null = null;
  awayRoad: "direct" | "relay" = "direct";
  awayDialled = 0;
  versions: readonly [number, number] = [1, 1];
  dialled = 0;
  onMessage: (guest: Guest, message: Message) => Promise<void> = async () => undefined;
  onLeft: (guest: Guest) => void = () => undefined;
  #waiting: (() => void)[] = [];

  addTicket(secret: Uint8Array): void {
    const keys = deriveKeys(secret);
    this.tickets.add(hex(keys.keyId));
    this.#ticketAuth.set(hex(keys.keyId), keys.sessionAuth);
  }

  addDevice(key: Uint8Array): string {
    const keys = deriveKeys(key);
    const known = this.devices.get(hex(keys.keyId));
    const id = known?.id ?? hex(randomBytes(16));
    this.devices.set(hex(keys.keyId), { id, sessionAuth: keys.sessionAuth });
    return id;
  }

  /** A road secret of a device. */
  addAway(secret: Uint8Array, id: string): void {
    const keys = deriveKeys(secret);
    this.#away.set(hex(keys.keyId), { id, sessionAuth: keys.sessionAuth });
  }

  /** The page's end of a new link; `spoil` may put something between. */
  connect(spoil: (link: Link) => Link = (link) => link): Promise<Link> {
    this.dialled += 1;
    this.changed();
    if (this.isDown) return Promise.reject(new LinkClosed("lost"));
    const [near, far] = memoryLinks();
    void this.#answer(far);
    return Promise.resolve(spoil(near));
  }

  /** The page's end of a new link through a meeting point. */
  connectAway(): Promise<Link> {
    this.awayDialled += 1;
    this.changed();
    if (this.awayFault !== null) return Promise.reject(new Unreached(this.awayFault));
    const [near, far] = memoryLinks();
    void this.#answer(far, "away");
    return Promise.resolve(near);
  }

  async greet(guest: Guest, hello: Hello): Promise<void> {
    guest.hello = hello;
    if (this.farewell !== null) return guest.goodbye(this.farewell);
    if (this.isSingle) for (const other of this.present) if (other !== guest && other.device === guest.device) other.cut();
    if (guest.holder.by === "ticket" && hello.enroll !== undefined) guest.device = this.addDevice(hello.enroll);
    const device = guest.device === null ? {} : { device: guest.device };
    await guest.say({ t: "hello", versions: this.versions, name: "STUDY-PC", kind: "computer", instance: 1, grant: { rights: [], ...this.grant, ...device } });
    this.changed();
  }

  left(guest: Guest): void {
    this.onLeft(guest);
    this.changed();
  }

  get present(): Guest[] {
    return this.guests.filter((guest) => guest.ended === null);
  }

  /** Waits for something to be so; looks again whenever something happened here. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  changed(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #answer(link: MemoryLink, road: "home" | "away" = "home"): Promise<void> {
    const responder = new Responder<Holder>(road, (keyId) => this.#find(keyId, road));
    try {
      await link.send(responder.opening());
      for (;;) {
        const messages = await link.receive();
        for (const [at, message] of messages.entries()) {
          for (const answer of responder.receive(message)) await link.send(answer);
          if (responder.refused !== undefined) return link.close("refused");
          if (responder.sealed === undefined) continue;
          const guest = new Guest(this, link, responder.sealed, responder.found, road);
          this.guests.push(guest);
          this.changed();
          return await guest.run(messages.slice(at + 1));
        }
      }
    } catch (error) {
      if (!(error instanceof LinkClosed)) throw error;
    }
  }

  #find(keyId: Uint8Array, road: "home" | "away"): Found<Holder> | Refusal {
    if (this.refusal !== null && (road === "home" || this.refusesAwayToo)) return this.refusal;
    const away = this.#away.get(hex(keyId));
    if (away !== undefined) return road === "away" ? { sessionAuth: away.sessionAuth, holder: { by: "device", id: away.id } } : "wrong_road";
    if (keyId.length === 0) return { sessionAuth: undefined, holder: { by: "nobody" } };
    const ticket = this.#ticketAuth.get(hex(keyId));
    if (ticket !== undefined && this.tickets.has(hex(keyId))) return { sessionAuth: ticket, holder: { by: "ticket" } };
    const device = this.devices.get(hex(keyId));
    return device === undefined ? "unknown_key" : { sessionAuth: device.sessionAuth, holder: { by: "device", id: device.id } };
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
