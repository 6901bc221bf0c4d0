// "Waiting for you": what this device may pick up from the computer, and how far each thing of it is.
import { html, nothing, type TemplateResult } from "lit";
import type { ShelfItem } from "../protocol/messages.ts";
import type { Device } from "./device.ts";
import { confirm } from "./dialogs.ts";
import { icons } from "./icons.ts";
import { Questions } from "./incoming.ts";
import { askAtUnload } from "./leaving.ts";
import { LineElement, perFrame } from "./light.ts";
import { VerbRefused, type WorkerLine } from "./line.ts";
import { size } from "./numbers.ts";
import type { Incoming } from "./peer-store.ts";
import { choosePlace, keepingHere, type Keeping } from "./place.ts";
import { beginPlainDownload } from "./plain-download.ts";
import { receivedBlock, save, saveAll, unsavedOf } from "./received.ts";
import { shelfRow, type ShelfRowActs } from "./shelf-row.ts";
import type { ShelfState, ShelfStore } from "./shelf-store.ts";
import { roadOf } from "./store.ts";
import { UNNAMED } from "./words.ts";

/** A folder is worth a choice of its own from so many on. */
const CHOOSE_FROM = 3;

const MAY_BE_SAVED: ReadonlySet<ShelfState> = new Set(["waits", "failed", "partly"]);

/** Browsers take downloads one after the other; all at once some are lost. */
const NEXT_SAVE_MS = 400;

const isUnsaved = (incoming: Incoming): boolean => unsavedOf(incoming).length > 0;

export class ShelfSection extends LineElement {
  readonly #store: ShelfStore;
  readonly #questions: Questions;
  readonly #isApple: boolean;
  readonly #plain = new Map<string, { readonly said: string; readonly before: number | undefined }>(); // a plain download that began, by item
  #chosen: Set<string> | null = null;
  #keeping: Keeping | null = null;
  #isSaving = false;
  #unsubscribe = (): void => undefined;

  constructor(line: WorkerLine, { isApple }: Pick<Device, "isApple">) {
    super(line);
    this.#store = line.shelf;
    this.#isApple = isApple;
    this.#questions = new Questions(line.shelf.home);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const draw = perFrame(() => this.requestUpdate());
    this.#unsubscribe = this.#store.subscribe(() => {
      this.#saveArrived();
      draw();
    });
    addEventListener("beforeunload", this.#leaving);
    this.heard();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe();
    removeEventListener("beforeunload", this.#leaving);
  }

  /** Asked before a tap: a browser opens its picker only in the tap itself. */
  protected override heard(): void {
    if (this.#keeping !== null || this.#items.length === 0) return;
    void keepingHere().then((keeping) => {
      this.#keeping = keeping;
      this.requestUpdate();
    });
  }

  get #items(): readonly ShelfItem[] {
    return this.#store.all(this.line.state.shelf?.items ?? []);
  }

  protected override render(): TemplateResult | typeof nothing {
    const items = this.#items;
    const { unasked, computer } = this.#store;
    const isOut = this.line.state.link.state === "refused" || this.line.state.link.state === "elsewhere";
    if (isOut || (items.length === 0 && unasked.length === 0)) return nothing;
    const savable = items.filter((item) => MAY_BE_SAVED.has(this.#stateOf(item)) && !this.#isTooLarge(item));
    const acts = { store: this.#store.home, answer: (transfer: string) => this.#questions.ask(transfer), changed: () => this.requestUpdate(), savesAll: !this.#isApple };
    return html`<section class="list shelf" aria-label="Waiting for you">
      <div class="list-head"><h2>Waiting for you</h2>${this.#choosing(savable)}</div>
      ${this.#all(savable)}
      ${items.length === 0 ? nothing : html`<ul role="list" class="card">${items.map((item) => this.#row(item, savable.includes(item)))}</ul>`}
      ${computer === undefined || unasked.length === 0 ? nothing : html`<div class="card shelf-unasked">${unasked.map((incoming) => receivedBlock(computer, incoming, acts))}</div>`}
    </section>`;
  }

  #choosing(savable: readonly ShelfItem[]): TemplateResult | typeof nothing {
    if (this.#chosen === null && savable.length < CHOOSE_FROM) return nothing;
    return html`<button type="button" class="quiet" @click=${this.#toggleChoosing}>${this.#chosen === null ? "Choose" : "Never mind"}</button>`;
  }

  #all(savable: readonly ShelfItem[]): TemplateResult | typeof nothing {
    const chosen = this.#chosen === null ? savable : savable.filter(({ item }) => this.#chosen?.has(item));
    if (this.#chosen === null && savable.length < 2) return nothing;
    const bytes = size(chosen.reduce((sum, item) => sum + item.size, 0));
    const words = this.#chosen === null ? `Save all ${savable.length} (${bytes})` : chosen.length === 0 ? "Choose what to save" : `Save ${chosen.length} chosen (${bytes})`;
    return html`<button type="button" class="button save-all" ?disabled=${chosen.length === 0 || this.#isAway} @click=${() => void this.#save(chosen)}>${icons.down}<span>${words}</span></button>`;
  }

  #row(item: ShelfItem, isSavable: boolean): TemplateResult {
    const acts: ShelfRowActs = {
      save: () => void this.#save([item]),
      handOver: (incoming) => void saveAll(incoming, { store: this.#store.home, changed: () => this.requestUpdate() }),
      pause: () => this.#store.pause(item),
      resume: () => this.#store.resume(item),
      stop: () => this.#store.stop(item),
      plain: roadOf(this.line.state) === "home" ? () => void this.#download(item) : null,
      choose: () => this.#choose(item.item),
    };
    return shelfRow(item, {
      standing: this.#store.standing(item, isUnsaved),
      computer: this.line.state.computer ?? UNNAMED,
      isAway: this.#isAway,
      isZipped: this.#keeping !== null && this.#keeping.by !== "pickers",
      tooLargeFor: this.#isTooLarge(item) ? (this.#keeping?.limit ?? null) : null,
      plainSaid: this.#plainSaid(item),
      isChosen: this.#chosen === null || !isSavable ? null : this.#chosen.has(item.item),
    }, acts);
  }

  /** What waited when it was heard last may be gone by the time the computer is back. */
  get #isAway(): boolean {
    return this.line.state.link.state !== "open";
  }

  /** What was said when it began, until the computer says how it ended. */
  #plainSaid({ item, taken_ms }: ShelfItem): string | null {
    const plain = this.#plain.get(item);
    return plain === undefined || plain.before !== taken_ms ? null : plain.said;
  }

  #stateOf(item: ShelfItem): ShelfState {
    return this.#store.standing(item, isUnsaved).state;
  }

  #isTooLarge({ size: bytes }: ShelfItem): boolean {
    return this.#keeping?.by === "memory" && bytes > this.#keeping.limit.bytes;
  }

  readonly #toggleChoosing = (): void => {
    this.#chosen = this.#chosen === null ? new Set() : null;
    this.requestUpdate();
  };

  #choose(item: string): void {
    if (this.#chosen?.delete(item) === false) this.#chosen.add(item);
    this.requestUpdate();
  }

  async #save(items: readonly ShelfItem[]): Promise<void> {
    const [first] = items;
    if (first === undefined || !(await this.#mayUseRelay(items))) return;
    const isOneFile = items.length === 1 && first.kind !== "folder";
    this.#keeping ??= await keepingHere();
    const place = await choosePlace(this.#keeping, isOneFile ? 1 : 2, first.name);
    if (place === null) return;
    this.#chosen = null;
    for (const { item } of items) this.#plain.delete(item);
    this.#store.save(items, place);
  }

  /** As before sending much through the relay. */
  async #mayUseRelay(items: readonly ShelfItem[]): Promise<boolean> {
    const { grant } = this.line.state;
    const bytes = items.reduce((sum, item) => sum + item.size, 0);
    if (roadOf(this.line.state) !== "relay" || bytes <= (grant?.away?.relay_ask_bytes ?? Number.POSITIVE_INFINITY)) return true;
    return confirm({
      title: `Save ${size(bytes)} through your relay?`,
      text: "There is no straight way from this network, so it goes through the relay, which may cost its owner money. At home it costs nothing.",
      yes: "Save it now", no: "Wait",
    });
  }

  /** Only ever by the person's own tap, on a button that says what it is. */
  async #download(item: ShelfItem): Promise<void> {
    try {
      const facts = await this.line.ask({ t: "plain_download", item: item.item });
      if (facts.t !== "ticket_facts") return;
      this.#say(item, beginPlainDownload(facts.url) ? "your browser downloads it, not encrypted" : "That did not work.");
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      this.#say(item, problem.message || "That did not work.");
    }
    this.requestUpdate();
  }

  #say(item: ShelfItem, said: string): void {
    const now = this.#items.find((each) => each.item === item.item) ?? item;
    this.#plain.set(item.item, { said, before: now.taken_ms });
  }

  /** What was asked for goes on to the downloads by itself; iPhones take one download a tap and no more. */
  #saveArrived(): void {
    if (this.#isApple || this.#isSaving) return;
    const acts = { store: this.#store.home, changed: () => this.requestUpdate() };
    for (const item of this.#items) {
      const { incoming, place } = this.#store.standing(item);
      const [next] = incoming === null || place !== "memory" ? [] : unsavedOf(incoming);
      if (incoming === null || next === undefined) continue;
      save(next, incoming, acts);
      this.#isSaving = true;
      setTimeout(() => {
        this.#isSaving = false;
        this.#saveArrived();
      }, NEXT_SAVE_MS);
      return;
    }
  }

  readonly #leaving = (event: BeforeUnloadEvent): void => {
    if (this.#store.holdsUnsaved(isUnsaved)) askAtUnload(event);
  };
}

customElements.define("shelf-section", ShelfSection);
