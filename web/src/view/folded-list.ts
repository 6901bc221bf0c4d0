// A list on a page of several: its first rows, and all others after one tap, so that what stands beneath it stays near.
import { html, nothing, type TemplateResult } from "lit";
import { LightElement } from "./light.ts";
import "./long-list.ts";
import { count } from "./numbers.ts";

const SHOWN = 12;
/** One tap for a row or two would be a poor trade. */
const FOLDED_FROM = 17;

export class FoldedList<Row> extends LightElement {
  #rows: readonly Row[] = [];
  #isOpen = false;
  /** As in a long list. */
  keyOf: (row: Row) => unknown = (row) => row;
  draw: (row: Row) => TemplateResult = () => html`<li></li>`;

  get rows(): readonly Row[] {
    return this.#rows;
  }

  set rows(rows: readonly Row[]) {
    this.#rows = rows;
    this.requestUpdate();
  }

  readonly #toggle = (): void => {
    this.#isOpen = !this.#isOpen;
    this.requestUpdate();
  };

  protected override render(): TemplateResult {
    const isLong = this.#rows.length >= FOLDED_FROM;
    const shown = isLong && !this.#isOpen ? this.#rows.slice(0, SHOWN) : this.#rows;
    return html`<long-list .keyOf=${this.keyOf} .draw=${this.draw} .rows=${shown}></long-list>
      ${isLong ? html`<button type="button" class="quiet fold" aria-expanded=${this.#isOpen ? "true" : "false"} @click=${this.#toggle}>${this.#isOpen ? "Show fewer" : `Show all ${count(this.#rows.length)}`}</button>` : nothing}`;
  }
}

customElements.define("folded-list", FoldedList);
