// What an earlier visit began and did not finish: files cannot be reopened by a page, so it asks to choose them again.
import { html, nothing, type TemplateResult } from "lit";
import type { WorkerLine } from "./line.ts";
import { fileName } from "./rows.ts";
import { counted, size } from "./numbers.ts";
import type { Phase } from "./store.ts";

const SHOWN = 3;

export class Unfinished {
  readonly #line: WorkerLine;
  #askedOf: string | null = null;

  constructor(line: WorkerLine) {
    this.#line = line;
  }

  /** Asks once for each time the link opens, and again when a batch is finished. */
  heard(): void {
    const { link, total, grant } = this.#line.state;
    if (link.state !== "open" || grant?.device === undefined) return void (this.#askedOf = null);
    const occasion = `${grant.device} ${total.state === "done" ? total.done : "before"}`;
    if (occasion === this.#askedOf || total.state === "sending" || total.state === "paused") return;
    this.#askedOf = occasion;
    this.#line.ask({ t: "list_unfinished" }).catch(() => undefined); // an older program does not know; nothing is lost by that
  }

  card(phase: Phase, computer: string): TemplateResult | typeof nothing {
    const items = this.#line.state.unfinished?.items ?? [];
    if (items.length === 0 || (phase !== "ready" && phase !== "done" && phase !== "partly")) return nothing;
    const shown = items.slice(0, SHOWN);
    return html`<section class="unfinished card" aria-label="Interrupted last time">
      <p><b>${counted(items.length, "file was", "files were")} interrupted last time.</b>
        Choose ${items.length === 1 ? "it" : "them"} again and ${items.length === 1 ? "it goes" : "they go"} on where ${items.length === 1 ? "it" : "they"} stopped.</p>
      <ul role="list">${shown.map((item) => html`<li>${fileName(item.name)}<small>${size(item.offset)} of ${size(item.size)} already on ${computer}</small></li>`)}
        ${items.length > SHOWN ? html`<li><small>and ${items.length - SHOWN} more</small></li>` : nothing}</ul>
      <button type="button" class="quiet" @click=${this.#forget}>Forget ${items.length === 1 ? "it" : "them"}</button>
    </section>`;
  }

  readonly #forget = (): void => {
    this.#line.ask({ t: "forget_unfinished" }).then(
      () => this.#line.ask({ t: "list_unfinished" }),
    ).catch(() => undefined);
  };
}
