// What an earlier visit began and did not finish: files cannot be reopened by a page, so it asks to choose them again.
import { html, nothing, type TemplateResult } from "lit";
import type { UnfinishedItem } from "../protocol/messages.ts";
import { without } from "./keyring.ts";
import type { WorkerLine } from "./line.ts";
import { fileName } from "./rows.ts";
import { counted, size } from "./numbers.ts";
import type { Phase, ViewState } from "./store.ts";

const SHOWN = 3;

const AT_REST: ReadonlySet<Phase> = new Set(["ready", "done", "partly"]);

/** What of the list is still to be chosen again: the files of this page load speak for themselves in their own rows. */
export function stillUnfinished(listed: readonly UnfinishedItem[], { items }: ViewState): readonly UnfinishedItem[] {
  return without(listed, [...items.values()]);
}

export class Unfinished {
  readonly #line: WorkerLine;
  readonly #changed: () => void;
  #askedAt: "idle" | "done" | null = null;
  #asks = 0;
  #listed: readonly UnfinishedItem[] = [];

  constructor(line: WorkerLine, changed: () => void) {
    this.#line = line;
    this.#changed = changed;
  }

  /** Asks each time the link opens and each time a batch ends; what was heard before that is not shown any more. */
  heard(): void {
    const { link, total, grant } = this.#line.state;
    const isAtRest = total.state === "idle" || total.state === "done";
    if (link.state !== "open" || grant?.device === undefined || !isAtRest) {
      this.#askedAt = null;
      return;
    }
    if (this.#askedAt !== total.state) this.#ask();
    this.#askedAt = total.state;
  }

  #ask(): void {
    const ask = (this.#asks += 1);
    this.#listed = [];
    this.#line.ask({ t: "list_unfinished" }).then((facts) => {
      if (facts.t !== "unfinished_list" || ask !== this.#asks) return;
      this.#listed = facts.items;
      this.#changed();
    }).catch(() => undefined); // an older program does not know; nothing is lost by that
  }

  card(phase: Phase, computer: string): TemplateResult | typeof nothing {
    if (!AT_REST.has(phase) || this.#askedAt === null) return nothing;
    const { left, state } = this.#line;
    const items = stillUnfinished([...this.#listed, ...without(left, this.#listed)], state);
    if (items.length === 0) return nothing;
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
    this.#line.forgetLeft();
    this.#line.ask({ t: "forget_unfinished" }).then(() => this.#ask()).catch(() => undefined);
  };
}
