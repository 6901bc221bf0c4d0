// One session worker and what the page knows through it: commands go in, updates are folded, verbs get their answers.
import { fromBase64url, toBase64url } from "../base64url.ts";
import type { Command, ItemView, Opening, Picked, Update } from "../session/bridge.ts";
import type { Facts, Reason, UnfinishedItem, Verb } from "../protocol/messages.ts";
import { type Keyring, without } from "./keyring.ts";
import { PeerStore } from "./peer-store.ts";
import { downloads } from "./place.ts";
import { ShelfStore } from "./shelf-store.ts";
import { UNNAMED_ELSEWHERE } from "./words.ts";
import { answered, begin, fold, type Moment, type ViewState } from "./store.ts";

/** What is used of a Worker. */
export interface WorkerPort {
  onmessage: ((event: MessageEvent<Update>) => void) | null;
  postMessage(command: Command): void;
  terminate(): void;
}

/** The verb was not carried out; the message is a sentence for the person who asked. */
export class VerbRefused extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}

/** Commands by which a person answers to what was declined. */
const ANSWERS: ReadonlySet<Command["t"]> = new Set(["send", "retry", "cancel", "clear"]);

interface Asked {
  readonly resolve: (facts: Facts) => void;
  readonly reject: (refused: VerbRefused) => void;
}

export function now(): Moment {
  return { monoMs: performance.now(), wallMs: Date.now() };
}

export class WorkerLine {
  readonly #worker: WorkerPort;
  readonly #keyring: Keyring;
  readonly #release: () => void;
  /** What is exchanged with other devices; it has listeners of its own. */
  readonly peers = new PeerStore((order) => this.post({ t: "peers", order }), ({ start }) => downloads.start(start));
  /** What is picked up from the shelf, likewise. */
  readonly shelf = new ShelfStore((order) => this.post({ t: "shelf", order }), () => this.#state.shelf?.items ?? []);
  readonly #listeners = new Set<() => void>();
  readonly #asked = new Map<number, Asked>();
  #left: readonly UnfinishedItem[] = [];
  #asks = 0;
  #picked: Picked[] = [];
  /** Commands that came before the opening: storage is asked first, and a person may be quicker. */
  #early: Command[] | null = [];
  #keyWasDropped = false;
  #isClosed = false;
  #state: ViewState;

  /** `release` ends what this thread holds for the worker. */
  constructor(worker: WorkerPort, keyring: Keyring, release: () => void = () => undefined) {
    this.#worker = worker;
    this.#keyring = keyring;
    this.#release = release;
    this.#state = begin(now(), keyring.computer ?? (keyring.isShared ? UNNAMED_ELSEWHERE : null));
    worker.onmessage = (event) => this.#hear(event.data);
  }

  get state(): ViewState {
    return this.#state;
  }

  /** This device has been shown how to be used away from home; `keepsAway` remembers that. */
  get usesAway(): boolean {
    const device = this.#state.grant?.device;
    return device !== undefined && this.#keyring.usesAway(device);
  }

  keepsAway(): void {
    const device = this.#state.grant?.device;
    if (device !== undefined) this.#keyring.keepAway(device);
  }

  /** The device key this browser holds by now, or null. */
  get hasKey(): boolean {
    return this.#keyring.key !== null;
  }

  /** Whose access was ended stays outside, also after a reload, until a code of the address bar lets them in again. */
  open(opening: Omit<Opening, "t" | "key" | "spare" | "others" | "continues">): void {
    if (opening.ticket !== null) this.#keyring.forgetEnd();
    else if (opening.bare === "enroll" && this.#keyring.key === null && this.#keyring.hasEnded) {
      this.#hear({ t: "link", link: { state: "refused", reason: "revoked" } });
      return this.#worker.terminate();
    }
    void this.#keyring.unfinished().then((earlier) => {
      this.#left = earlier.flatMap(({ id, items }) => items.map((item) => ({ ...item, transfer: id, offset: 0 })));
      const continues = earlier.map(({ id }) => id);
      const early = this.#early ?? [];
      this.#early = null;
      const { key, spare } = this.#keyring;
      const others = [...(spare === null ? [] : [spare]), ...this.#keyring.others.flatMap((home) => fromBase64url(home.key) ?? [])];
      this.#worker.postMessage({ t: "open", ...opening, key, spare, others, continues });
      for (const command of early) this.#worker.postMessage(command);
    });
  }

  post(command: Exclude<Command, Opening>): void {
    if (ANSWERS.has(command.t)) this.#state = answered(this.#state);
    if (this.#early) this.#early.push(command);
    else this.#worker.postMessage(command);
  }

  send(picked: readonly Picked[]): void {
    if (picked.length === 0) return;
    this.#picked.push(...picked);
    this.post({ t: "send", picked });
  }

  /** The file behind an item, for its thumbnail. The worker counts items in the order they were picked. */
  readonly fileOf = (item: ItemView): File | null => {
    const picked = this.#picked[item.id];
    return picked?.path === item.name ? picked.file : null;
  };

  /** What earlier page loads proposed and nobody accepted: no computer need know of it. */
  get left(): readonly UnfinishedItem[] {
    return this.#left;
  }

  forgetLeft(): void {
    for (const id of new Set(this.#left.map(({ transfer }) => transfer))) void this.#keyring.keepTransfer(id);
    this.#left = [];
  }

  /** Raises `VerbRefused`. */
  ask(verb: Verb): Promise<Facts> {
    const id = (this.#asks += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.post({ t: "ask", id, verb });
    });
  }

  /** Calls back after every change; returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#worker.terminate();
    this.#release();
    this.#listeners.clear();
  }

  #hear(update: Update): void {
    if (update.t === "shelf") return this.shelf.hear(update.news);
    if (update.t === "peers") {
      if (update.news.t === "held") this.shelf.hear(update.news); // one room for all that is received
      return this.peers.hear(update.news);
    }
    const before = this.#state;
    this.#state = fold(before, update, now());
    this.#keep(update);
    if (this.#state.computer !== null && this.#state.computer !== before.computer) this.#keyring.keepComputer(this.#state.computer);
    if (update.t === "items") return; // their total follows at once: rows and counts are drawn as one picture
    for (const listener of [...this.#listeners]) listener();
  }

  #keep(update: Update): void {
    switch (update.t) {
      case "keep_key":
        this.#keyWasDropped = false;
        this.#keyring.keepKey(update.key);
        return this.post({ t: "key_kept" });
      case "drop_key":
        this.#keyWasDropped = true;
        return this.#keyring.dropKey();
      case "link": // only after a word under the seal: anybody may write a refusal that comes before it
        if (this.#keyWasDropped && update.link.state === "refused" && update.link.reason === "revoked") this.#keyring.keepEnd();
        this.#keyWasDropped = false;
        return;
      case "enrolled":
        this.#keyring.ticketRedeemed(update.key);
        for (const home of this.#keyring.others) if (update.replaces.some((key) => toBase64url(key) === home.key)) this.#keyring.forget(home);
        return;
      case "transfer":
        if (update.items !== undefined) this.#left = without(this.#left, update.items);
        return void (update.over ? this.#keyring.forgetTransfer(update.id) : this.#keyring.keepTransfer(update.id, update.items));
      case "answer":
        return this.#answer(update.id)?.resolve(update.facts);
      case "refuse":
        return this.#answer(update.id)?.reject(new VerbRefused(update.reason, update.sentence));
      default:
        return undefined;
    }
  }

  #answer(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }
}
