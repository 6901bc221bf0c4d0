// Elements that render into the page itself: one style sheet, ordinary labels and ids, no shadow roots.
import { LitElement } from "lit";
import type { WorkerLine } from "./line.ts";

/** So long at most until something is drawn where there are no frames: in a tab that nobody sees. */
const FRAME_MS_MAX = 100;

let nextFrame: Promise<void> | null = null; // one for all elements

function frame(): Promise<void> {
  nextFrame ??= new Promise((resolve) => {
    const come = (): void => {
      cancelAnimationFrame(asked);
      clearTimeout(timer);
      nextFrame = null;
      resolve();
    };
    const asked = requestAnimationFrame(come);
    const timer = setTimeout(come, FRAME_MS_MAX);
  });
  return nextFrame;
}

/** Draws at once, and again no oftener than there are frames, however much is told meanwhile. */
export function perFrame(draw: () => void): () => void {
  let waits = false;
  let isStale = false;
  const told = (): void => {
    isStale = waits;
    if (waits) return;
    waits = true;
    draw();
    void frame().then(() => {
      waits = false;
      if (isStale) told();
    });
  };
  return told;
}

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
    const draw = perFrame(() => this.requestUpdate());
    this.#stop = this.line.subscribe(() => {
      this.heard();
      draw();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.();
  }

  /** Called before drawing, for what must happen once when something new was told. */
  protected heard(): void {}
}
