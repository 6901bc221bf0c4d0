// "Use it away from home too": once, to a phone that may; one tap opens the page that works from everywhere.
import { html, nothing, type TemplateResult } from "lit";
import { isTrustedToPickUp } from "../protocol/grants.ts";
import type { GrantFacts } from "../protocol/messages.ts";
import { asSecret } from "../seal/index.ts";
import { icons } from "./icons.ts";
import { VerbRefused, type WorkerLine } from "./line.ts";
import { isLoopback } from "./loopback.ts";
import type { PhoneHabits } from "./phone.ts";
import type { Phase } from "./store.ts";

/** While something is under way the page must not be left. */
const AT_REST: ReadonlySet<Phase> = new Set(["ready", "done"]);

const ODD_ADDRESS = "The address that this computer gave is not one of a page like this, so it was not opened. Look at “Meeting point” in the computer’s settings.";

/** Where a key of its own waits: a page of a meeting point, with its code; null for anything else, whoever says it. */
export function edgePage(said: string, edge: string | undefined): string | null {
  if (!URL.canParse(said)) return null;
  const url = new URL(said);
  // Without encryption only where nothing leaves the computer, or where its owner has set up such a meeting point.
  const isPlain = url.protocol === "http:" && (isLoopback(url.host) || edge?.startsWith("http://") === true);
  if (url.protocol !== "https:" && !isPlain) return null;
  const isBare = url.username === "" && url.password === "" && url.search === "" && url.pathname === "/p";
  return isBare && asSecret(url.hash) !== null ? url.href : null;
}

/** Guests stay at home; on the meeting point's page one is away already. */
export function mayBeOffered(grant: GrantFacts | null, { place, leave }: Pick<PhoneHabits, "place" | "leave">): boolean {
  return place === "home" && leave === null && grant?.away !== undefined && grant.device !== undefined && isTrustedToPickUp(grant);
}

export class AwayOffer {
  readonly #line: WorkerLine;
  readonly #habits: PhoneHabits;
  readonly #changed: () => void;
  #isAsking = false;
  #problem: string | null = null;

  constructor(line: WorkerLine, habits: PhoneHabits, changed: () => void) {
    this.#line = line;
    this.#habits = habits;
    this.#changed = changed;
  }

  card(phase: Phase, computer: string): TemplateResult | typeof nothing {
    if (!AT_REST.has(phase) || (this.#line.usesAway && this.#problem === null) || !mayBeOffered(this.#line.state.grant, this.#habits)) return nothing;
    return html`<section class="offer card" aria-label="Away from home">
      <p>${this.#problem ?? html`This page works at home only. Another one reaches <bdi>${computer}</bdi> from everywhere: open it once, and keep it.`}</p>
      <button type="button" class="round" aria-label="Not now" title="Not now" @click=${this.#dismiss}>${icons.close}</button>
      <button type="button" class="button" ?disabled=${this.#isAsking} @click=${this.#open}>${icons.globe}<span>Use it away from home too</span></button>
    </section>`;
  }

  /** For who comes back to it later; null where there is nothing to offer. */
  get again(): (() => void) | null {
    return this.#line.usesAway && mayBeOffered(this.#line.state.grant, this.#habits) ? () => void this.#open() : null;
  }

  readonly #open = async (): Promise<void> => {
    this.#isAsking = true;
    this.#changed();
    try {
      const facts = await this.#line.ask({ t: "use_away" });
      if (facts.t !== "ticket_facts") return;
      const page = edgePage(facts.url, this.#line.state.grant?.away?.edge);
      if (page === null) {
        this.#problem = ODD_ADDRESS;
        return;
      }
      this.#line.keepsAway();
      location.assign(page); // in this tab: a new one would be stopped as a pop-up, the tap being over
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      this.#problem = problem.message;
    } finally {
      this.#isAsking = false;
      this.#changed();
    }
  };

  readonly #dismiss = (): void => {
    this.#problem = null;
    this.#line.keepsAway();
    this.#changed();
  };
}
