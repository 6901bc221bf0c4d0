// The headline of the phone page: one number or one picture, one sentence, one line more; the same element in every state.
import { html, nothing, type TemplateResult } from "lit";
import type { Device } from "./device.ts";
import { icons, tray } from "./icons.ts";
import { count, counted, duration, percent, rate, size } from "./numbers.ts";
import { part } from "./part.ts";
import { phaseOf, progressOf, retryIn, type Phase, type ViewState } from "./store.ts";
import { declinedSentence, refusal, UNNAMED, type Sentence } from "./words.ts";

type Say = (state: ViewState, computer: string, device: Device, nowMonoMs: number) => Sentence;

function sending({ total, baseline }: ViewState): string {
  const left = total.leftS === null ? "" : `, ${duration(total.leftS)} left`;
  const items = total.items - baseline.items;
  const done = Math.max(0, total.done - baseline.items);
  return items === 1 ? `${size(total.bytesDone - baseline.bytes)} of ${size(total.bytes - baseline.bytes)}${left}` : `${count(done)} of ${count(items)}${left}`;
}

function pauses(device: Device): string {
  return device.sleeps ? "It pauses while the screen is off." : "It pauses while this computer sleeps.";
}

function safe(n: number, computer: string): string {
  if (n === 1) return `1 file is safe on ${computer}.`;
  return `${n >= 10 ? "All " : ""}${counted(n, "file")} are safe on ${computer}.`;
}

const SAY: Readonly<Record<Phase, Say>> = {
  connecting: (_, computer) => ({ title: `Finding ${computer}…`, more: "You can already choose; it starts as soon as they have met." }),
  ready: (_, computer) => ({ title: `Send anything to ${computer}.`, more: "Photos, videos, any file. They arrive whole, and you need nothing installed." }),
  lost: (state, computer, _, now) => ({
    title: `${computer} is out of reach.`,
    more: `${tryingAgain(state, now)} Is this device on the same Wi-Fi?`,
  }),
  elsewhere: () => ({ title: "Already running in another tab.", more: "Go on there, or close that tab: then this one takes over by itself." }),
  refused: (state, computer) => refusal(state.link.state === "refused" ? state.link.reason : "handshake", computer),
  declined: (state, computer) => ({
    title: state.declined ? declinedSentence(state.declined.reason, state.declined.needed, state.declined.free, computer) : "",
    more: state.total.done > 0 ? `${counted(state.total.done, "file")} from before ${state.total.done === 1 ? "is" : "are"} safe.` : "Nothing was sent.",
  }),
  preparing: (state, _, device) => ({
    title: sending(state),
    more: device.isApple
      ? "Your iPhone is preparing the video, this can take minutes. Leave this page open."
      : "Your phone is preparing what you chose. Leave this page open.",
  }),
  sending: (state, _, device) => ({
    title: sending(state),
    more: `${state.total.rate > 0 ? `${rate(state.total.rate)} over your Wi-Fi. ` : ""}${pauses(device)}`,
  }),
  paused: (state) => ({ title: "Paused.", more: `${size(state.total.bytesSafe)} are already safe. Go on whenever you like.` }),
  stalled: (state, _, __, now) => ({
    title: `Connection lost. ${tryingAgain(state, now)}`,
    more: state.total.bytesSafe > 0 ? `${size(state.total.bytesSafe)} are already safe; it goes on from there.` : "It goes on by itself.",
  }),
  done: (state, computer) => ({ title: safe(state.total.done, computer), more: "Each lies whole on its disk and was checked. You can close this page." }),
  partly: (state, computer) => ({
    title: `${counted(state.total.failed, "file")} did not arrive.`,
    more: state.total.done > 0 ? `${safe(state.total.done, computer).replace("All ", "")} The list says what happened to the rest.` : "The list says why.",
  }),
};

function tryingAgain(state: ViewState, nowMonoMs: number): string {
  const seconds = retryIn(state, nowMonoMs);
  return seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again now.";
}

const NUMBERED: ReadonlySet<Phase> = new Set(["preparing", "sending", "paused", "stalled"]);
const PICTURED: ReadonlySet<Phase> = new Set(["connecting", "ready", "done", "lost", "elsewhere", "refused", "declined", "partly"]);
const ALARMS: ReadonlySet<Phase> = new Set(["refused", "declined", "partly"]);

/** The hero; its `role="status"` element exists in every state and carries the counts that checks rely on. */
export function hero(state: ViewState, device: Device, nowMonoMs: number): TemplateResult {
  const phase = phaseOf(state);
  const computer = state.computer ?? UNNAMED;
  const { title, more } = SAY[phase](state, computer, device, nowMonoMs);
  const progress = progressOf(state);
  const { total } = state;
  return html`<section class="hero" data-phase=${phase}>
    ${PICTURED.has(phase) ? picture(phase) : nothing}
    ${NUMBERED.has(phase) ? html`<div class="hero-number">${count(percent(progress, 1))}<small>%</small></div>
      <div class="bar" role="progressbar" aria-label="Everything" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent(progress, 1)} ${part(progress)}><i></i></div>` : nothing}
    <div role="status" aria-live=${phase === "sending" ? "off" : "polite"} data-total=${total.items} data-done=${total.done} data-failed=${total.failed}>
      <h1 class="hero-title">${title}</h1>
    </div>
    <p class="hero-more">${more}</p>
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
