// The headline of the phone page: one number or one picture, one sentence, one line more; the same element in every state.
import { html, nothing, type TemplateResult } from "lit";
import type { Device } from "./device.ts";
import { headline } from "./headline.ts";
import { icons, tray } from "./icons.ts";
import { count, percent } from "./numbers.ts";
import { part } from "./part.ts";
import { phaseOf, progressOf, type Phase, type ViewState } from "./store.ts";
import { whole } from "./whole.ts";

const NUMBERED: ReadonlySet<Phase> = new Set(["preparing", "sending", "paused", "stalled"]);
const PICTURED: ReadonlySet<Phase> = new Set(["connecting", "ready", "done", "lost", "elsewhere", "refused", "declined", "partly", "asking", "asked", "held"]);
const ALARMS: ReadonlySet<Phase> = new Set(["refused", "declined", "partly"]);

/** The hero; its `role="status"` element exists in every state and carries the counts that checks rely on. */
export function hero(state: ViewState, device: Device, nowMonoMs: number): TemplateResult {
  const phase = phaseOf(state);
  const { title, more } = headline(state, device, nowMonoMs);
  const progress = progressOf(state);
  const { total } = state;
  return html`<section class="hero" data-phase=${phase}>
    ${PICTURED.has(phase) ? picture(phase) : nothing}
    ${NUMBERED.has(phase) ? html`<div class="hero-number">${count(percent(progress, 1))}<small>%</small></div>
      <div class="bar" role="progressbar" aria-label="Everything" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent(progress, 1)} ${part(progress)}><i></i></div>` : nothing}
    <div role="status" aria-live=${phase === "sending" ? "off" : "polite"} data-total=${total.items} data-done=${total.done} data-failed=${total.failed}>
      <h1 class="hero-title">${whole(title)}</h1>
    </div>
    <p class="hero-more">${whole(more)}</p>
    <div class="heard-only" aria-live="polite">${phase === "sending" ? milestone(progress) : nothing}</div>
  </section>`;
}

/** What a screen reader hears while bytes flow: quarters, not every number. */
function milestone(progress: number): string {
  const quarter = Math.floor(progress * 4) * 25;
  return quarter === 0 ? "Sending" : `${quarter} percent sent`;
}

function picture(phase: Phase): TemplateResult {
  const sign = phase === "done" ? icons.check : ALARMS.has(phase) ? icons.warn : nothing;
  return html`<div class="hero-picture">${tray}${sign === nothing ? nothing : html`<span class="hero-sign">${sign}</span>`}</div>`;
}
