// Elements that render into the page itself: one style sheet, ordinary labels and ids, no shadow roots.
import { LitElement } from "lit";
import type { WorkerLine } from "./line.ts";

export abstract class LightElement extends LitElement {
  protected override createRenderRoot(): this {
    return this;
  }
}

/** An element that shows what a worker tells, and is drawn again whenever that changes. */
export abstract class LineElement extends LightElement {
  protected readonly line: WorkerLine;
  #stop: (() => void) | null = null;

  constructor(line: WorkerLine) {
    super();
    this.line = line;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = this.line.subscribe(() => {
      this.heard();
      this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.();
  }

  /** Called before drawing, for what must happen once when something new was told. */
  protected heard(): void {}
}
