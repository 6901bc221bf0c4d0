// A list of any length that keeps only what can be seen (and a little more) in the document.
import { html, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { LightElement } from "./light.ts";
import { visibleRows, type Visible } from "./window.ts";

/** Shorter lists are drawn whole: finding in page, printing and screen readers then see everything. */
const WHOLE_UP_TO = 60;
const GUESSED_HEIGHT = 68;
const OVERSCAN = 400;

export class LongList<Row> extends LightElement {
  #rows: readonly Row[] = [];
  #heights = new Map<unknown, number>();
  /** What is drawn; asked once a drawing, because drawing moves the page and would change the answer. */
  #seen: Visible = { first: 0, end: 0, before: 0, after: 0 };
  #queued = 0;
  /** What a row is known by, and how it is drawn as an `li`; set once by whoever makes the list. */
  keyOf: (row: Row) => unknown = (row) => row;
  draw: (row: Row, place: number) => TemplateResult = () => html`<li></li>`;

  get rows(): readonly Row[] {
    return this.#rows;
  }

  set rows(rows: readonly Row[]) {
    this.#rows = rows;
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // Captured, because the list may scroll with the page or inside a column of it.
    document.addEventListener("scroll", this.#moved, { capture: true, passive: true });
    addEventListener("resize", this.#moved);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("scroll", this.#moved, { capture: true });
    removeEventListener("resize", this.#moved);
  }

  readonly #moved = (): void => {
    if (this.#rows.length <= WHOLE_UP_TO || this.#queued !== 0) return;
    this.#queued = requestAnimationFrame(() => {
      this.#queued = 0;
      this.requestUpdate();
    });
  };

  protected override render(): TemplateResult {
    this.#seen = this.#look();
    const seen = this.#seen;
    return html`<ul role="list">
      <li class="gap" role="presentation" aria-hidden="true"></li>
      ${repeat(
        this.#rows.slice(seen.first, seen.end),
        (row) => this.keyOf(row),
        (row, index) => this.draw(row, seen.first + index),
      )}
      <li class="gap" role="presentation" aria-hidden="true"></li>
    </ul>`;
  }

  protected override updated(): void {
    const seen = this.#seen;
    const list = this.querySelector("ul");
    if (!list) return;
    (list.firstElementChild as HTMLElement).style.height = `${seen.before}px`;
    (list.lastElementChild as HTMLElement).style.height = `${seen.after}px`;
    if (this.#rows.length > WHOLE_UP_TO) this.#measure([...list.children].slice(1, -1) as HTMLElement[]);
  }

  #measure(drawn: readonly HTMLElement[]): void {
    const { first } = this.#seen;
    let wrong = 0;
    drawn.forEach((element, index) => {
      const row = this.#rows[first + index];
      if (row === undefined) return;
      const key = this.keyOf(row);
      const height = element.offsetHeight;
      wrong += Math.abs(height - (this.#heights.get(key) ?? GUESSED_HEIGHT));
      this.#heights.set(key, height);
    });
    if (wrong > OVERSCAN / 2) this.#moved();
  }

  #look(): Visible {
    if (this.#rows.length <= WHOLE_UP_TO) return { first: 0, end: this.#rows.length, before: 0, after: 0 };
    const heights = this.#rows.map((row) => this.#heights.get(this.keyOf(row)) ?? GUESSED_HEIGHT);
    const start = this.getBoundingClientRect().top;
    return visibleRows(heights, -start - OVERSCAN, innerHeight - start + OVERSCAN);
  }
}

customElements.define("long-list", LongList);
