// What this page picks up from the shelf: asked of the computer a few at a time, and taken without another question.
import { SHELF_ITEMS_MAX } from "../protocol/limits.ts";
import type { Answer, Ask, Refuse, RoadInUse, ShelfItem, ShelfItemId, TransferId, TransferMessage } from "../protocol/messages.ts";
import { Earlier, mustAsk } from "./earlier.ts";
import { Inbound, type Verdict } from "./inbound.ts";
import type { Incoming } from "./incoming.ts";
import type { Place } from "./peer-bridge.ts";
import { isOf, isOpen, isOutliving, type PickUp, viewOf } from "./pick-up.ts";
import { HOME, type PickUpNews, type PickUpOrder, type PickUpView } from "./pick-up-bridge.ts";
import type { PickUpsLine, PickUpsPorts } from "./pick-ups-ports.ts";
import type { Home, Wish } from "./sinks/parts.ts";
import type { Sinks } from "./sinks/port.ts";
import { ZipSinks } from "./sinks/zip.ts";
import { sizeClass, smallFirst } from "./small-first.ts";

/** Questions of this kind have numbers of their own (`DeskPeers` counts from 2^40, the person's from 1). */
const FIRST_ASK = 2 ** 41;

/** Things under way at once, of the big ones and of the small ones: the computer carries so many, and all take turns. */
const UNDER_WAY_MAX = 8;

/** A thing of this class and above is big (16 MiB). */
const BIG = 3;

/** A computer that still knows what this page takes has proposed it again by then; one that does not is asked again. */
const PROPOSED_AGAIN_S = 5;

/** Until a computer that is busy is asked again: what it does then takes minutes. */
const BUSY_AGAIN_S = 10;

function isUnderWay({ step, isPaused }: PickUp): boolean {
  return (step === "begun" && !isPaused) || step === "asked" || step === "promised" || step === "missed";
}

function kindOf({ item: { size } }: PickUp): "big" | "small" {
  return sizeClass(size) < BIG ? "small" : "big";
}

export class PickUps {
  readonly #ports: PickUpsPorts;
  readonly #inbound: Inbound;
  readonly #pickUps = new Map<ShelfItemId, PickUp>(); // the latest of each thing
  readonly #asked = new Map<number, PickUp>();
  readonly #proposed = new Set<TransferId>(); // on this link
  #asks = FIRST_ASK;
  #line: PickUpsLine | null = null;
  #road: RoadInUse | null = null;
  readonly #earlier: Earlier;
  #listed: ReadonlySet<ShelfItemId> | null = null; // what is on the shelf, as told on this link
  #isSettled = false; // long enough on this link for a computer that was just started to have looked at its shelf
  #takeBack = (): void => undefined;

  constructor(ports: PickUpsPorts) {
    this.#ports = ports;
    this.#earlier = new Earlier(ports);
    const { clock, hasher, digest } = ports;
    const proof = digest === undefined ? {} : { digest };
    this.#inbound = new Inbound({ peer: HOME, clock, hasher, ...proof, tell: (news) => this.#heard(news), judge: (incoming) => this.#judge(incoming) });
  }

  attach(line: PickUpsLine): void {
    this.#line = line;
    this.#show(line.computer, true);
    this.#inbound.attach(line);
    this.#takeBack();
    this.#takeBack = this.#ports.clock.after(PROPOSED_AGAIN_S, () => this.#renew());
    this.on(line.road);
    this.#earlier.attach(line.home, (wishes) => this.#restore(line, wishes), (page) => this.#inbound.receive(page));
    this.#next();
  }

  /** Goes on with what earlier page loads had asked for. */
  #restore(line: PickUpsLine, wishes: readonly Wish[]): void {
    for (const { item, limit, isPaused, bytes } of wishes) {
      if (this.#pickUps.has(item.item)) continue;
      const place: Place = { by: "memory", limit };
      const pickUp = this.#pickUp(item, place, this.#sinks(item, place), { item, bytes });
      pickUp.isPaused = isPaused;
      this.#weigh(pickUp);
      this.#tell(pickUp);
    }
    if (this.#pickUps.size > 0) line.hurry();
    this.#next();
  }

  /** The road in use, once it is known, and each new one. */
  on(road: RoadInUse | null): void {
    this.#road = road;
    for (const pickUp of this.#pickUps.values()) this.#weigh(pickUp);
  }

  /** What nobody has asked for in this page load goes through no relay without a word, and by any other road without one. */
  #weigh(pickUp: PickUp): void {
    const { item, left, isPaused, forRelay } = pickUp;
    if (this.#line === null || left === undefined || forRelay === "agreed" || !isOpen(pickUp)) return;
    const isMuch = mustAsk(item.size - left.bytes, this.#road, this.#line.asksAbove);
    if (isMuch === (forRelay === "waits") || (isMuch && isPaused)) return;
    pickUp.forRelay = isMuch ? "waits" : null;
    this.#hold(pickUp, isMuch);
  }

  detach(): void {
    if (this.#line === null) return;
    this.#show(this.#line.computer, false);
    this.#line = null;
    this.#takeBack();
    this.#earlier.detach();
    this.#listed = this.#road = null;
    this.#isSettled = false;
    this.#asked.clear();
    this.#proposed.clear();
    for (const pickUp of this.#pickUps.values()) if (pickUp.step === "asked" || pickUp.step === "promised") pickUp.step = "queued"; // asked for at once on the next link: nobody is sent it twice
    this.#inbound.detach();
  }

  order(order: PickUpOrder): void {
    switch (order.t) {
      case "save":
        return this.#save(order.items, order.place);
      case "pause":
      case "resume":
        return this.#pause(order.item, order.t === "pause");
      case "stop":
        return this.#stop(order.item);
      case "accept":
        this.#line?.hurry();
        return this.#inbound.accept(order.transfer, this.#ports.places.sinks(order.place));
      case "decline":
        return this.#inbound.decline(order.transfer);
      case "cancel":
        return this.#inbound.cancel(order.transfer, order.item);
      case "saving":
        return this.#of(order.transfer, ({ item }) => this.#earlier.parts?.saved(item.item));
      case "saved":
        this.#ports.places.saved(order.bytes);
        this.#of(order.transfer, ({ item }) => this.#earlier.parts?.forget(item.item));
        return this.#next();
    }
  }

  /** Takes a message about a transfer that comes here; false when it is about another, or nobody may pick up here. */
  receive(message: TransferMessage): boolean {
    if (this.#line === null) return false;
    if (message.t === "propose") {
      this.#proposed.add(message.transfer);
      if (this.#earlier.holdsBack(message)) return true;
    }
    return this.#inbound.receive(message);
  }

  /** The key for this home is worth nothing any more. */
  forgetAll(home: Home): void {
    this.#earlier.forget(home);
  }

  /** The same computer knows this page by another key from now on. */
  moved(from: Home, to: Home): void {
    this.#ports.parts?.of(from).move(to);
  }

  /** What is on the shelf now. */
  listed(items: readonly ShelfItem[]): void {
    this.#listed = items.length >= SHELF_ITEMS_MAX ? null : new Set(items.map(({ item }) => item));
    this.#forgetWhatLeft();
  }

  /** What an earlier page load had paused is not asked for: that it has left the shelf is seen here alone. */
  #forgetWhatLeft(): void {
    if (!this.#isSettled || this.#listed === null) return;
    for (const pickUp of this.#pickUps.values()) {
      const { item, left, step, isPaused } = pickUp;
      if (left === undefined || step !== "queued" || !isPaused || this.#listed.has(item.item) || this.#offered(item) !== undefined) continue;
      pickUp.step = "stopped";
      this.#earlier.parts?.forget(item.item);
      this.#tell(pickUp);
    }
  }

  /** Takes the answer to a question of its own; false for anybody else's. */
  answered(message: Answer | Refuse): boolean {
    if (message.id < FIRST_ASK) return false;
    const pickUp = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (pickUp === undefined || pickUp.step !== "asked") return true; // its proposal was quicker, or it was stopped
    if (message.t === "answer") this.#promised(pickUp);
    else this.#refused(pickUp, message);
    this.#tell(pickUp);
    this.#next();
    return true;
  }

  /** Its proposal comes at once; one that does not is asked for again, which changes nothing where it is on its way. */
  #promised(pickUp: PickUp): void {
    pickUp.step = "promised";
    const line = this.#line;
    this.#ports.clock.after(PROPOSED_AGAIN_S, () => {
      if (pickUp.step !== "promised" || this.#line !== line) return;
      pickUp.step = "queued";
      this.#next();
    });
  }

  /** A computer that was just started has not looked at its shelf yet: it is asked twice. One that is busy is asked until it is not. */
  #refused(pickUp: PickUp, { reason, sentence }: Refuse): void {
    const isFirst = (pickUp.left !== undefined || !this.#isSettled) && pickUp.sentence === null;
    const isBusy = reason === "busy";
    pickUp.sentence = isBusy ? null : (sentence ?? "");
    pickUp.step = isBusy || (reason === "not_found" && isFirst) ? "missed" : "refused";
    if (pickUp.step === "missed") this.#ports.clock.after(isBusy ? BUSY_AGAIN_S : PROPOSED_AGAIN_S, () => this.#again(pickUp));
    else if (reason === "not_found") this.#earlier.parts?.forget(pickUp.item.item);
  }

  #again(pickUp: PickUp): void {
    if (pickUp.step !== "missed") return;
    pickUp.step = "queued";
    this.#next();
  }

  #save(items: readonly ShelfItem[], place: Place): void {
    this.#line?.hurry();
    this.#want(items.filter((item) => !this.#isWanted(item)), place);
    const folder = place.by === "folder" ? this.#ports.places.sinks(place) : null;
    for (const item of items) {
      if (this.#isWanted(item)) continue;
      const pickUp = this.#pickUp(item, place, folder ?? this.#sinks(item, place));
      this.#tell(pickUp);
      this.#takesOffered(pickUp);
    }
    this.#next();
  }

  #offered(item: ShelfItem): Incoming | undefined {
    return this.#inbound.find((incoming) => incoming.state === "asked" && isOf(item, incoming));
  }

  /** Proposed already, as an earlier load of this page had asked for it: that goes on. */
  #takesOffered(pickUp: PickUp): boolean {
    const offered = this.#offered(pickUp.item);
    if (offered === undefined) return false;
    this.#begin(pickUp, offered.transfer);
    this.#inbound.accept(offered.transfer, pickUp.sinks);
    return true;
  }

  #isWanted({ item }: ShelfItem): boolean {
    const known = this.#pickUps.get(item);
    return known !== undefined && isOpen(known);
  }

  #pickUp(item: ShelfItem, place: Place, sinks: Sinks, left?: PickUpView["left"]): PickUp {
    const isKept = place.by === "memory" && this.#ports.parts !== undefined && isOutliving(item);
    const pickUp: PickUp = { item, sinks, place, step: "queued", transfer: null, isPaused: false, forRelay: null, isKept, left, sentence: null };
    this.#pickUps.set(item.item, pickUp);
    return pickUp;
  }

  /** Writes down what memory alone would forget. */
  #want(items: readonly ShelfItem[], place: Place): void {
    const kept = items.filter(isOutliving);
    if (place.by !== "memory" || this.#ports.parts === undefined || kept.length === 0) return;
    const wishes = kept.map((item) => ({ item, limit: place.limit }));
    const wanted = this.#earlier.parts?.want(wishes) ?? Promise.resolve(false);
    void wanted.then((isDone) => {
      if (!isDone) for (const { item } of kept) this.#goesWithThePage(item);
    });
  }

  #goesWithThePage(item: ShelfItemId): void {
    const pickUp = this.#pickUps.get(item);
    if (pickUp === undefined || !pickUp.isKept) return;
    pickUp.isKept = false;
    this.#tell(pickUp);
  }

  /** A tree that cannot be written as one comes as one file, which begins anew with each page load. */
  #sinks(item: ShelfItem, place: Place): Sinks {
    const { places } = this.#ports;
    const { parts } = this.#earlier;
    if (item.kind === "folder") return new ZipSinks(item.name, places.sinks(place), place.by === "download");
    return places.sinks(place, parts === null ? null : { open: () => parts.open(item.item), onFull: () => this.#goesWithThePage(item.item) });
  }

  #pause(item: ShelfItemId, isPaused: boolean): void {
    const pickUp = this.#pickUps.get(item);
    if (pickUp === undefined || !isOpen(pickUp)) return;
    pickUp.forRelay = "agreed"; // the person has the last word
    this.#earlier.parts?.pause(item, isPaused);
    this.#hold(pickUp, isPaused);
  }

  #hold(pickUp: PickUp, isPaused: boolean): void {
    pickUp.isPaused = isPaused;
    if (pickUp.transfer !== null) this.#inbound.hold(pickUp.transfer, isPaused);
    this.#tell(pickUp);
    this.#next();
  }

  #stop(item: ShelfItemId): void {
    const pickUp = this.#pickUps.get(item);
    if (pickUp === undefined || !isOpen(pickUp)) return;
    pickUp.step = "stopped";
    this.#earlier.parts?.forget(item);
    if (pickUp.transfer !== null) this.#inbound.cancel(pickUp.transfer, null);
    this.#tell(pickUp);
    this.#next();
  }

  /** What was asked for is taken; what it is already taking is not taken twice; everything else is the person's to say. */
  #judge(incoming: Incoming): Verdict {
    const same = [...this.#pickUps.values()].filter(({ item }) => isOf(item, incoming));
    const wanted = same.find(({ step }) => step === "asked" || step === "promised");
    if (wanted !== undefined) {
      this.#begin(wanted, incoming.transfer);
      return wanted.sinks;
    }
    // An earlier page load had asked for it.
    const queued = same.find(({ step }) => step === "queued" || step === "missed");
    if (queued === undefined) return same.length > 0 ? "decline" : "ask";
    if (queued.isPaused) return "paused";
    if (!this.#hasRoom(queued)) return "later";
    this.#begin(queued, incoming.transfer);
    return queued.sinks;
  }

  #begin(pickUp: PickUp, transfer: TransferId): void {
    pickUp.step = "begun";
    pickUp.transfer = transfer;
    this.#tell(pickUp);
  }

  /** Asks for what waits, as far as there is room. */
  #next(): void {
    if (this.#line === null) return;
    const free = { big: UNDER_WAY_MAX, small: UNDER_WAY_MAX };
    for (const pickUp of this.#pickUps.values()) if (isUnderWay(pickUp)) free[kindOf(pickUp)] -= 1;
    for (const pickUp of smallFirst([...this.#pickUps.values()], ({ item }) => item.size)) {
      if (pickUp.step !== "queued" || pickUp.isPaused || free[kindOf(pickUp)] <= 0 || !this.#hasRoom(pickUp)) continue;
      free[kindOf(pickUp)] -= 1;
      if (this.#takesOffered(pickUp)) continue;
      pickUp.step = "asked";
      this.#asks += 1;
      this.#asked.set(this.#asks, pickUp);
      const ask: Ask = { t: "ask", id: this.#asks, verb: { t: "pick_up", items: [pickUp.item.item] } };
      this.#line.post(ask);
    }
  }

  /** What memory cannot hold now waits until something was saved; what it can never hold is refused when it comes. */
  #hasRoom({ item: { size }, place }: PickUp): boolean {
    if (place.by !== "memory" || size > place.limit) return true;
    let held = this.#ports.places.held;
    for (const { step, place: other, item } of this.#pickUps.values()) if (other.by === "memory" && (step === "asked" || step === "promised")) held += item.size;
    return held + size <= place.limit;
  }

  /** What the computer does not know any more, or never heard of, is asked for once more. */
  #renew(): void {
    this.#isSettled = true;
    this.#forgetWhatLeft();
    const asked = new Set(this.#asked.values());
    for (const pickUp of this.#pickUps.values()) {
      const isLost = pickUp.step === "begun" && pickUp.transfer !== null && !this.#proposed.has(pickUp.transfer);
      const isUnheard = pickUp.step === "promised" || (pickUp.step === "asked" && !asked.has(pickUp));
      if (!isLost && !isUnheard) continue;
      const { transfer } = pickUp;
      pickUp.step = "queued";
      pickUp.transfer = null;
      this.#tell(pickUp);
      if (transfer !== null) this.#inbound.cancel(transfer, null);
    }
    this.#next();
  }

  #heard(news: PickUpNews): void {
    this.#ports.tell(news);
    if (news.t !== "incoming") return;
    const { transfer, state } = news.incoming;
    const pickUp = [...this.#pickUps.values()].find((each) => each.transfer === transfer);
    if (pickUp?.step === "begun" && pickUp.isPaused && state === "receiving" && news.incoming.isHeld !== true) this.#inbound.hold(transfer, true);
    if (pickUp?.step !== "begun" || state === "receiving" || state === "asked") return;
    pickUp.step = state === "done" || state === "failed" ? "done" : "stopped";
    if (state !== "done" || news.incoming.failed > 0) this.#earlier.parts?.forget(pickUp.item.item); // else when it is saved
    this.#tell(pickUp);
    this.#next();
  }

  #of(transfer: TransferId, act: (pickUp: PickUp) => void): void {
    for (const pickUp of this.#pickUps.values()) if (pickUp.transfer === transfer) act(pickUp);
  }

  #tell(pickUp: PickUp): void {
    this.#ports.tell({ t: "pick_up", pickUp: viewOf(pickUp) });
  }

  #show(computer: string, isHere: boolean): void {
    const link = isHere ? ({ state: "open", words: null } as const) : ({ state: "away" } as const);
    this.#ports.tell({ t: "peer", peer: { peer: HOME, name: computer, kind: "computer", link, road: null, relay: { question: "none", bytes: 0 }, unanswered: 0 } });
  }
}
