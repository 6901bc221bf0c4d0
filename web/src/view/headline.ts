// What the phone page says at its top in each phase: one sentence, and one line of what to expect. Pure.
import type { Device } from "./device.ts";
import { count, counted, duration, rate, size } from "./numbers.ts";
import { phaseOf, retryIn, type Phase, type ViewState } from "./store.ts";
import { declinedSentence, first, refusal, UNNAMED, type Sentence } from "./words.ts";

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
  ready: (_, computer, device) => ({
    title: `Send anything to ${computer}.`,
    more: device.kind === "laptop"
      ? "Choose files, drop them anywhere on this page, or paste a picture."
      : "Photos, videos, any file. They arrive whole, and you need nothing installed.",
  }),
  lost: (state, computer, _, now) => ({
    title: `${first(computer)} is out of reach.`,
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
  done: ({ total }, computer) => ({
    title: safe(total.done, computer),
    more: `${total.done === 1 ? "It lies" : "Each lies"} whole on its disk and was checked. You can close this page.`,
  }),
  partly: (state, computer) => ({
    title: `${counted(state.total.failed, "file")} did not arrive.`,
    more: state.total.done > 0 ? `${safe(state.total.done, computer).replace("All ", "")} The list says what happened to the rest.` : "The list says why.",
  }),
};

function tryingAgain(state: ViewState, nowMonoMs: number): string {
  const seconds = retryIn(state, nowMonoMs);
  return seconds > 0 ? `Trying again in ${seconds}\u00a0s.` : "Trying again now.";
}

export function headline(state: ViewState, device: Device, nowMonoMs: number): Sentence {
  return SAY[phaseOf(state)](state, state.computer ?? UNNAMED, device, nowMonoMs);
}
