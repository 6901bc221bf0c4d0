// What the phone page says at its top in each phase: one sentence, and one line of what to expect. Pure.
import type { Device } from "./device.ts";
import { count, counted, duration, rate, size } from "./numbers.ts";
import { batchOf, isStuck, maySend, phaseOf, retryIn, roadOf, type Phase, type ViewState } from "./store.ts";
import { awayFault, declinedSentence, ELSEWHERE, first, onlyOwn, overRoad, refusal, UNNAMED, type Sentence } from "./words.ts";

type Say = (state: ViewState, computer: string, device: Device, nowMonoMs: number) => Sentence;

function sent(state: ViewState): string {
  const { items, done, bytes, bytesDone } = batchOf(state);
  return items === 1 ? `${size(bytesDone)} of ${size(bytes)}` : `${count(done)} of ${count(items)}`;
}

function sending(state: ViewState, nowMonoMs: number): string {
  if (isStuck(state, nowMonoMs)) return `${sent(state)}, waiting…`;
  const { leftS } = state.total;
  return leftS === null ? sent(state) : `${sent(state)}, ${duration(leftS)} left`;
}

/** Why nothing moves; what the page cannot know it does not say. */
function stuck(state: ViewState, computer: string): string {
  const { total } = state;
  if (total.bytes > 0 && total.bytesDone >= total.bytes) return `All of it is there; ${computer} is still checking and filing it.`;
  if (total.bytesDone === 0) return `Waiting for ${computer}. It goes on by itself: leave this page open.`;
  return `Waiting for ${roadOf(state) === "home" ? "your Wi-Fi" : "the network"} or for ${computer}. It goes on by itself.`;
}

function nothingArrived(state: ViewState): string {
  const { failed, failedBytes, failedSent } = sums(state);
  const meant = `${counted(failed, "file")}, ${size(failedBytes)}`;
  const nothing = failedSent > 0 ? `Nothing of it has arrived (${meant}).` : `Nothing of it was sent (${meant}).`;
  return state.declined?.reason === "no_space" ? `${nothing} It goes on by itself when there is room.` : nothing;
}

function comparing(left: number, computer: string): string {
  return `Looking which of them ${computer} has already: ${count(left)} to go.`;
}

/** Of what is done; nothing where everything was moved. */
function already({ items, order }: ViewState): string {
  const there = order.finished.reduce((sum, id) => sum + (items.get(id)?.already === true ? 1 : 0), 0);
  return there === 0 ? "" : ` ${count(there)} of them ${there === 1 ? "was" : "were"} there already.`;
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
  ready: (state, computer, device) => (maySend(state) ? {
    title: `Send anything to ${computer}.`,
    more: device.kind === "laptop"
      ? "Choose files, drop them anywhere on this page, or paste a picture."
      : "Photos, videos, any file. They arrive whole, and you need nothing installed.",
  } : state.grant?.only_own === true ? onlyOwn(computer) : (state.shelf?.items.length ?? 0) > 0
    ? { title: `Here is something from ${computer}.`, more: "Save it with one tap. It arrives whole, and you need nothing installed." }
    : { title: "Nothing waits here any more.", more: `It was picked up or taken back, or its time was over. Ask whoever is at ${computer}.` }),
  lost: (state, computer, _, now) => {
    const fault = faultOf(state, computer);
    if (fault !== null) return { title: fault.title, more: `${fault.more} ${tryingAgain(state, now)}` };
    return { title: `${first(computer)} is out of reach.`, more: `${tryingAgain(state, now)} Is this device on the same Wi-Fi?` };
  },
  elsewhere: ({ total }) => ({
    title: "Already running in another tab.",
    more: total.items > total.done + total.failed ? "Close the other tab: then this one goes on by itself." : ELSEWHERE,
  }),
  refused: (state, computer) => refusal(state.link.state === "refused" ? state.link.reason : "handshake", computer),
  declined: (state, computer) => ({
    title: state.declined ? declinedSentence(state.declined.reason, state.declined.needed, state.declined.free, computer) : "",
    more: state.total.done > 0 ? `${counted(state.total.done, "file")} from before ${state.total.done === 1 ? "is" : "are"} safe.` : nothingArrived(state),
  }),
  preparing: (state, _, device) => ({
    title: sent(state),
    more: device.isApple
      ? "Your iPhone is preparing the video, this can take minutes. Leave this page open."
      : "Your phone is preparing what you chose. Leave this page open.",
  }),
  sending: (state, computer, device, now) => ({
    title: sending(state, now),
    more: state.total.comparing !== undefined ? comparing(state.total.comparing, computer) : isStuck(state, now) ? stuck(state, computer) : `${state.total.rate > 0 ? `${rate(state.total.rate)} ${overRoad(roadOf(state))}. ` : ""}${pauses(device)}`,
  }),
  asking: (_, computer) => ({ title: `${first(computer)} is asking its owner.`, more: "It goes on as soon as somebody there says yes. Leave this page open." }),
  paused: (state) => ({ title: "Paused.", more: `${size(state.total.bytesSafe)} are already safe. Go on whenever you like.` }),
  asked: (state) => ({ title: `This goes through your relay (${size(state.relay.bytes)}).`, more: "Send now, or wait for home Wi-Fi? A relay is slower, and its owner may pay for what goes through. It stays encrypted either way." }),
  held: (state) => ({ title: "Waiting for home Wi-Fi.", more: `${size(state.relay.bytes)} are ready. It goes on by itself at home, or wherever there is a way past the relay. Leave this page open.` }),
  stalled: (state, computer, _, now) => {
    const fault = faultOf(state, computer);
    const goesOn = state.total.bytesSafe > 0 ? `${size(state.total.bytesSafe)} are already safe; it goes on from there.` : "It goes on by itself.";
    return { title: `${fault?.title ?? "Connection lost."} ${tryingAgain(state, now)}`, more: fault === null ? goesOn : `${fault.more} ${goesOn}` };
  },
  done: (state, computer, device) => ({
    title: safe(state.total.done, computer),
    more: `${state.total.done === 1 ? "It lies" : "Each lies"} whole on its disk and was checked.${already(state)}${device.isOnWall ? "" : " You can close this page."}`,
  }),
  partly: (state, computer) => ({
    title: `${counted(state.total.failed, "file")} did not arrive.`,
    more: state.total.done > 0 ? `${safe(state.total.done, computer).replace("All ", "")} The list says what happened to the rest.` : "The list says why.",
  }),
};

function faultOf({ link }: ViewState, computer: string): Sentence | null {
  return link.state === "lost" && link.fault ? awayFault(link.fault, computer) : null;
}

function tryingAgain(state: ViewState, nowMonoMs: number): string {
  const seconds = retryIn(state, nowMonoMs);
  return seconds > 0 ? `Trying again in ${seconds}\u00a0s.` : "Trying again now.";
}

interface Sums {
  readonly toCome: number;
  readonly toComeBytes: number;
  readonly failed: number;
  readonly failedBytes: number;
  /** What had been sent of those that failed, in bytes. */
  readonly failedSent: number;
}

function sums({ items, order }: ViewState): Sums {
  let [toCome, toComeBytes, failed, failedBytes, failedSent] = [0, 0, 0, 0, 0];
  for (const id of order.open) {
    const item = items.get(id);
    if (item?.state === "failed") {
      failed += 1;
      failedBytes += item.size;
      failedSent += item.done;
    } else if (item) {
      toCome += 1;
      toComeBytes += item.size - item.done;
    }
  }
  return { toCome, toComeBytes, failed, failedBytes, failedSent };
}

/** Over the rows of what has not arrived: how much is still to come, and what will not. */
export function openHeading(state: ViewState): string {
  const { toCome, toComeBytes, failed, failedBytes } = sums(state);
  if (toCome === 0) return `${counted(failed, "file")} did not arrive, ${size(failedBytes)}`;
  return `${counted(toCome, "file")} to go, ${size(toComeBytes)}${failed > 0 ? `; ${count(failed)} did not arrive` : ""}`;
}

/** Over the rows of what has arrived. */
export function finishedHeading({ items, order }: ViewState): string {
  const bytes = order.finished.reduce((sum, id) => sum + (items.get(id)?.size ?? 0), 0);
  return `${counted(order.finished.length, "file")} arrived, ${size(bytes)}`;
}

export function headline(state: ViewState, device: Device, nowMonoMs: number): Sentence {
  return SAY[phaseOf(state)](state, state.computer ?? UNNAMED, device, nowMonoMs);
}
