// The files of the phone page in two parts: what is still to come, and beneath it what has arrived.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView } from "../session/bridge.ts";
import { finishedHeading, openHeading } from "./headline.ts";
import "./long-list.ts";
import { count } from "./numbers.ts";
import { itemRow, type RowSurroundings } from "./rows.ts";
import type { ViewState } from "./store.ts";

/** While something is under way, no more than these of what has arrived stand beneath it unasked. */
const FINISHED_SHOWN = 5;

export interface ListActs {
  readonly cancelAll: () => void;
  readonly clear: () => void;
  readonly showAll: () => void;
}

export function fileLists(state: ViewState, around: RowSurroundings, showsAll: boolean, acts: ListActs): TemplateResult | typeof nothing {
  const { items, order, total } = state;
  const { open, finished } = order;
  if (items.size === 0) return nothing;
  const isOver = total.state === "done";
  const shown = isOver || showsAll ? finished : finished.slice(0, FINISHED_SHOWN);
  const rowsOf = (ids: readonly number[]): readonly ItemView[] => ids.map((id) => items.get(id)).filter((item) => item !== undefined);
  const list = (ids: readonly number[]): TemplateResult =>
    html`<long-list class="card" .keyOf=${keyOf} .draw=${(item: ItemView) => itemRow(item, around)} .rows=${rowsOf(ids)}></long-list>`;
  const act = html`<button type="button" class="quiet" @click=${isOver ? acts.clear : acts.cancelAll}>${isOver ? "Clear the list" : "Cancel all"}</button>`;
  return html`<section class="list" aria-label="Files">
    ${open.length > 0 ? html`<div class="list-head"><h2>${openHeading(state)}</h2>${act}</div>${list(open)}` : nothing}
    ${finished.length > 0 ? html`<div class="list-head"><h2>${finishedHeading(state)}</h2>
      ${open.length === 0 ? act : finished.length > shown.length ? html`<button type="button" class="quiet" @click=${acts.showAll}>Show all ${count(finished.length)}</button>` : nothing}</div>
      ${list(shown)}` : nothing}
  </section>`;
}

function keyOf(item: ItemView): number {
  return item.id;
}
