// The receipt: what is safe under which name, with size and hash, and what was lost on the way; to look at and to keep.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView } from "../session/bridge.ts";
import type { Device } from "./device.ts";
import { openSheet } from "./dialogs.ts";
import { icons } from "./icons.ts";
import type { WorkerLine } from "./line.ts";
import "./long-list.ts";
import { leaf, visible } from "./names.ts";
import { count, counted, size } from "./numbers.ts";
import { stamp } from "./paste.ts";
import { HEAD_BYTES, isPlaceBlanked, type Losses, lossSentences, turnedToJpeg } from "./receipt-list-loss.ts";
import { fileName } from "./rows.ts";
import { unsentSentence } from "./words.ts";

/** Photos that are looked into for what was blanked out. */
const LOOKED_AT_MAX = 50;

/** A browser has begun to copy a Blob long before; then its address is taken back. */
const REVOKE_AFTER_MS = 40_000;

/** One receipt, as it is kept. */
export interface ReceiptList {
  readonly computer: string;
  readonly at: Date;
  readonly from: string;
  readonly safe: readonly ItemView[];
  readonly failed: readonly ItemView[];
  readonly lost: readonly string[];
}

/** "1 file is safe", "all 214 are safe": never more than was proven. */
export function safeTitle({ safe, failed, computer }: Pick<ReceiptList, "safe" | "failed" | "computer">): string {
  if (safe.length === 1) return `1 file is safe on ${computer}`;
  return `${failed.length === 0 ? "All " : ""}${count(safe.length)} are safe on ${computer}`;
}

/** A list that `sha256sum --check` understands, run in the folder where the files arrived. */
export function asText(list: ReceiptList): string {
  const note = (line: string): string => `# ${line.replaceAll(/[\r\n]+/g, " ")}`;
  const named = (item: ItemView): string => (item.finalName !== null && item.finalName !== item.name ? ` (sent as ${item.name})` : "");
  return [
    note(`${safeTitle(list)}. Each was read back from its disk: SHA-256, then the name in the inbox.`),
    note(`${stamp(list.at)}, sent from ${list.from}; ${size(list.safe.reduce((sum, item) => sum + item.size, 0)).replaceAll("\u00a0", " ")} in all.`),
    ...list.lost.map(note),
    ...list.failed.map((item) => note(`Did not arrive: ${item.name}. ${unsentSentence(item.reason ?? "declined", list.computer)}`)),
    ...list.safe.flatMap((item) => {
      const line = `${item.finalName ?? item.name}`;
      if (item.kind === "folder") return [note(`Empty folder: ${line}${named(item)}`)];
      return [...(named(item) === "" ? [] : [note(`${item.size} bytes, as ${item.name}:`)]), `${item.sha256 ?? ""}  ${line}`];
    }),
    "",
  ].join("\n");
}

export function asJson(list: ReceiptList): string {
  const told = {
    computer: list.computer,
    at: list.at.toISOString(),
    from: list.from,
    safe: list.safe.map(({ name, finalName, size: bytes, sha256, kind }) => ({ name: finalName ?? name, sent_as: name, size: bytes, sha256, kind: kind ?? "file" })),
    failed: list.failed.map(({ name, size: bytes, reason }) => ({ sent_as: name, size: bytes, reason })),
    lost: list.lost,
  };
  return `${JSON.stringify(told, null, 2)}\n`;
}

export class Receipt {
  readonly #line: WorkerLine;
  readonly #device: Device;
  readonly #changed: () => void;
  #lookedAt = -1;
  #losses: Losses = { jpegs: 0, blanked: 0, looked: 0 };

  constructor(line: WorkerLine, device: Device, changed: () => void) {
    this.#line = line;
    this.#device = device;
    this.#changed = changed;
  }

  /** Looks once a batch, when all of it is over. */
  heard(): void {
    const { total } = this.#line.state;
    if (total.state !== "done" || total.done === 0 || this.#lookedAt === total.done) return;
    this.#lookedAt = total.done;
    void this.#look();
  }

  card(computer: string): TemplateResult | typeof nothing {
    const { total } = this.#line.state;
    if (total.state !== "done" || total.done === 0) return nothing;
    const lost = lossSentences(this.#losses);
    return html`<section class="receipt ${lost.length === 0 ? "" : "card"}" aria-label="Receipt">
      ${lost.length === 0 ? nothing : html`<div class="receipt-lost"><p><b>What changed on the way</b></p>${lost.map((sentence) => html`<p>${sentence}</p>`)}</div>`}
      <button type="button" class="quiet" @click=${() => void this.#open(computer)}>${icons.shield}<span>Receipt</span></button>
    </section>`;
  }

  #list(computer: string): ReceiptList {
    const items = [...this.#line.state.items.values()].sort((one, other) => one.id - other.id);
    const of = (state: ItemView["state"]): readonly ItemView[] => items.filter((item) => item.state === state);
    return { computer, at: new Date(), from: this.#device.name, safe: of("done"), failed: of("failed"), lost: lossSentences(this.#losses) };
  }

  async #open(computer: string): Promise<void> {
    const list = this.#list(computer);
    const bytes = list.safe.reduce((sum, item) => sum + item.size, 0);
    await openSheet(safeTitle(list), () => html`
      <p class="sheet-text">${counted(list.safe.length, "entry", "entries")}, ${size(bytes)}, each read back from the disk of ${computer}.${list.failed.length === 0 ? "" : ` ${counted(list.failed.length, "file")} did not arrive.`}</p>
      ${list.lost.map((sentence) => html`<p class="sheet-note">${sentence}</p>`)}
      <long-list class="card receipt-rows" .keyOf=${(item: ItemView) => item.id} .draw=${row} .rows=${list.safe}></long-list>
      <div class="sheet-actions">
        <button type="button" class="button" @click=${() => keep(list, "json")}>${icons.down}<span>Keep as JSON</span></button>
        <button type="button" class="button primary" @click=${() => keep(list, "txt")}>${icons.down}<span>Keep as text</span></button>
      </div>`, "sheet-receipt");
  }

  async #look(): Promise<void> {
    const done = [...this.#line.state.items.values()].filter(({ state }) => state === "done");
    const files = done.map((item) => this.#line.fileOf(item)).filter((file) => file !== null);
    const photos = this.#device.sleeps ? files.filter(({ type }) => type === "image/jpeg").slice(0, LOOKED_AT_MAX) : [];
    let blanked = 0;
    for (const photo of photos) if (isPlaceBlanked(await headOf(photo))) blanked += 1;
    this.#losses = { jpegs: turnedToJpeg(files, this.#device.isApple), blanked, looked: photos.length };
    if (lossSentences(this.#losses).length > 0) this.#changed();
  }
}

async function headOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  } catch {
    return new Uint8Array(); // gone meanwhile; it has arrived, so nothing depends on it
  }
}

function row(item: ItemView): TemplateResult {
  const name = item.finalName ?? item.name;
  const what = item.kind === "folder" ? "empty folder" : size(item.size);
  const hash = item.kind === "folder" || item.sha256 === undefined ? nothing : html`, <code title="SHA-256 ${item.sha256}">${item.sha256.slice(0, 16)}…</code>`;
  return html`<li class="row row-receipt"><div class="row-what">${fileName(name)}<div class="row-note">${what}${hash}${name === item.name ? nothing : html`, sent as <bdi>${visible(leaf(item.name))}</bdi>`}</div></div></li>`;
}

function keep(list: ReceiptList, as: "txt" | "json"): void {
  const blob = new Blob([as === "txt" ? asText(list) : asJson(list)], { type: as === "txt" ? "text/plain" : "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `Receipt ${list.computer} ${stamp(list.at)}.${as}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_AFTER_MS);
}
