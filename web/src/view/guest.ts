// Who sends from the wall itself: the phone page in a sheet over the code, which closes by itself when it is done.
import { html, nothing, type TemplateResult } from "lit";
import type { TotalView } from "../session/bridge.ts";
import type { Device } from "./device.ts";
import { now, type WorkerLine } from "./line.ts";
import { LineElement } from "./light.ts";
import { part } from "./part.ts";
import { patience, RECEIPT_MS } from "./patience.ts";
import { PhonePage } from "./phone.ts";

const TOUCHES = ["pointerdown", "keydown", "wheel"] as const;

export class GuestSheet extends LineElement {
  readonly #page: PhonePage;
  #calmSinceMs = 0;
  #state: TotalView["state"] = "idle";
  #ticking = 0;

  constructor(line: WorkerLine, device: Device) {
    super(line);
    this.#page = new PhonePage(line, { ...device, isOnWall: true }, { cameByCode: false, place: "home", leave: () => this.close(), elsewhere: null });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#calmSinceMs = now().monoMs;
    this.#ticking = window.setInterval(this.#look, 1_000);
    for (const touch of TOUCHES) addEventListener(touch, this.#touched, { capture: true, passive: true });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
    for (const touch of TOUCHES) removeEventListener(touch, this.#touched, { capture: true });
  }

  /** Closes the sheet, and any question that was left open above it. */
  close(): void {
    for (const dialog of document.querySelectorAll<HTMLDialogElement>("dialog[open]")) dialog.close("");
  }

  protected override heard(): void {
    const { state } = this.line.state.total;
    if (state !== this.#state) this.#calmSinceMs = now().monoMs;
    this.#state = state;
  }

  protected override render(): TemplateResult {
    const leftMs = this.#leftMs();
    const isSoon = leftMs !== null && leftMs <= RECEIPT_MS;
    return html`${isSoon ? html`<div class="closing"><span class="bar bar-thin" aria-hidden="true" ${part(leftMs / RECEIPT_MS)}><i></i></span>
        <p>Closes in ${Math.max(1, Math.ceil(leftMs / 1000))} s, so that the next one can scan.</p></div>` : nothing}
      ${this.#page}`;
  }

  #leftMs(): number | null {
    const stays = patience(this.line.state.total);
    return stays === null ? null : stays - (now().monoMs - this.#calmSinceMs);
  }

  readonly #touched = (): void => {
    this.#calmSinceMs = now().monoMs;
    this.requestUpdate();
  };

  readonly #look = (): void => {
    if (this.#page.isChoosing) this.#touched(); // whoever is in the system's picker is still here
    const leftMs = this.#leftMs();
    if (leftMs !== null && leftMs <= 0) this.close();
    else this.requestUpdate();
  };
}

customElements.define("guest-sheet", GuestSheet);
