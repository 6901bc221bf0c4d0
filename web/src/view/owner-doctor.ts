// Doctor on the owner page: one button looks at everything phones need; what is not well stands first, with what to do.
import { html, nothing, type TemplateResult } from "lit";
import type { FindingFacts } from "../protocol/messages.ts";
import { icons } from "./icons.ts";
import { VerbRefused } from "./line.ts";
import { LineElement } from "./light.ts";
import { counted } from "./numbers.ts";

/** The daemon tells a bad line among its problems as well, in these words. */
export function problemOf({ check, seen, advice }: FindingFacts): string {
  return `${titled(check)}: ${seen}. ${advice ?? ""}`;
}

function titled(check: string): string {
  return check.slice(0, 1).toUpperCase() + check.slice(1);
}

export class OwnerDoctor extends LineElement {
  #findings: readonly FindingFacts[] | null = null;
  #isLooking = false;
  #refused: string | null = null;

  /** Problems that stand here with their advice already. */
  get told(): ReadonlySet<string> {
    return new Set((this.#findings ?? []).filter(({ ok }) => !ok).map(problemOf));
  }

  readonly #look = async (): Promise<void> => {
    this.#isLooking = true;
    this.#refused = null;
    this.requestUpdate();
    try {
      const facts = await this.line.ask({ t: "examine" });
      if (facts.t === "finding_list") this.#findings = facts.findings;
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      this.#refused = problem.message;
    } finally {
      this.#isLooking = false;
      this.requestUpdate();
      this.dispatchEvent(new Event("looked", { bubbles: true }));
    }
  };

  protected override render(): TemplateResult {
    const found = this.#findings;
    const bad = found?.filter(({ ok }) => !ok) ?? [];
    const good = found?.filter(({ ok }) => ok) ?? [];
    return html`<section class="panel" aria-label="Does everything work?">
      <div class="panel-head"><h2>Does everything work?</h2>
        ${found === null ? nothing : html`<button type="button" class="quiet" ?disabled=${this.#isLooking} @click=${this.#look}>${icons.retry}<span>Look again</span></button>`}</div>
      <div class="card doctor" aria-busy=${this.#isLooking ? "true" : "false"} aria-live="polite">
        ${this.#refused === null ? nothing : html`<p class="doctor-head stop">${icons.warn}<span>${this.#refused}</span></p>`}
        ${found === null ? this.#invitation() : this.#summary(bad.length)}
        ${bad.length === 0 ? nothing : html`<ul role="list">${bad.map((one) => html`<li class="finding" data-ok="no">${icons.warn}<div><b>${titled(one.check)}</b><p>${one.seen}</p>${one.advice ? html`<p class="finding-advice">${advised(one.advice)}</p>` : nothing}</div></li>`)}</ul>`}
        ${good.length === 0 ? nothing : html`<details><summary>${counted(good.length, "thing")} that ${good.length === 1 ? "is" : "are"} well</summary><ul role="list">${good.map((one) => html`<li class="finding" data-ok="yes">${icons.check}<div><b>${titled(one.check)}</b><p class="quiet-text">${one.seen}</p></div></li>`)}</ul></details>`}
      </div>
    </section>`;
  }

  #invitation(): TemplateResult {
    return html`<div class="doctor-head doctor-first"><p class="quiet-text">${this.#isLooking ? "Looking at the network, the firewall, the Wi-Fi and the disk. This takes a few seconds." : "When a phone does not get through, this looks at the network, the firewall, the Wi-Fi and the disk, and says what to do."}</p>
      <button type="button" class="button" ?disabled=${this.#isLooking} @click=${this.#look}>${this.#isLooking ? html`<span>Looking…</span>` : html`${icons.shield}<span>Look now</span>`}</button></div>`;
  }

  #summary(bad: number): TemplateResult {
    if (this.#isLooking) return html`<p class="doctor-head quiet-text">Looking…</p>`;
    return bad === 0
      ? html`<p class="doctor-head go">${icons.check}<span>All is well on this computer.</span></p>`
      : html`<p class="doctor-head wait">${icons.warn}<span>${counted(bad, "thing")} in the way of phones.</span></p>`;
  }
}

/** What stands behind "Run:" or between backticks is a command to copy. */
function advised(advice: string): readonly (string | TemplateResult)[] {
  return advice.split("`").map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}

customElements.define("owner-doctor", OwnerDoctor);
