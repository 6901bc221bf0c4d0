// "Skip what is already there": a switch for those who send much to their own computer, remembered in this browser.
import { html, nothing, type TemplateResult } from "lit";
import { isTrustedToPickUp } from "../protocol/grants.ts";
import type { GrantFacts } from "../protocol/messages.ts";
import type { WorkerLine } from "./line.ts";
import type { ViewState } from "./store.ts";

const REMEMBERED_AS = "qrshared/1 skip same";

/** Fewer files are sent faster than they are asked about. */
const WORTH_ITEMS = 20;

/** Guests are never told what is there. */
export function mayLearn(grant: GrantFacts | null): boolean {
  return isTrustedToPickUp(grant) && (grant?.rights.includes("send") ?? false);
}

/** Whether the switch stands there: for many files, and where it is on. */
export function isOffered({ grant, total }: Pick<ViewState, "grant" | "total">, isOn: boolean): boolean {
  return mayLearn(grant) && (total.items > WORTH_ITEMS || (isOn && total.items > 0));
}

export class SkipSame {
  readonly #line: WorkerLine;
  readonly #changed: () => void;
  #isOn = remembered();

  constructor(line: WorkerLine, changed: () => void) {
    this.#line = line;
    this.#changed = changed;
    if (this.#isOn) line.post({ t: "skip_same", on: true });
  }

  card(computer: string): TemplateResult | typeof nothing {
    if (!isOffered(this.#line.state, this.#isOn)) return nothing;
    return html`<label class="skip-same"><input type="checkbox" role="switch" .checked=${this.#isOn} @change=${this.#turned}>
      <span>Skip what is already there<small>Files of up to 64 MB that lie on <bdi>${computer}</bdi> under the same name, with the same content, are not sent again.</small></span></label>`;
  }

  readonly #turned = (event: Event): void => {
    this.#isOn = (event.target as HTMLInputElement).checked;
    remember(this.#isOn);
    this.#line.post({ t: "skip_same", on: this.#isOn });
    this.#changed();
  };
}

function remembered(): boolean {
  try {
    return localStorage.getItem(REMEMBERED_AS) === "yes";
  } catch {
    return false; // a browser that keeps nothing
  }
}

function remember(isOn: boolean): void {
  try {
    if (isOn) localStorage.setItem(REMEMBERED_AS, "yes");
    else localStorage.removeItem(REMEMBERED_AS);
  } catch {
    // then for this visit alone
  }
}
