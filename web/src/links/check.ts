// The conformance check that every link adapter passes; it throws an `Error` with a sentence.
import { UnsendableBatch } from "./framing.ts";
import { BATCH_MESSAGES_MAX, type Link, LinkClosed, MESSAGE_BYTES_MAX } from "./port.ts";

/** Two joined links, and how to take down what carries them. */
export interface LinkPair {
  readonly ends: readonly [Link, Link];
  readonly done: () => Promise<void>;
}

/** What a send may swallow for a reader that sleeps, before it waits. */
const SWALLOWED_BYTES_MAX = 32 << 20;

type Demand = (a: Link, b: Link) => Promise<void>;

/**
 * Runs every demand on a fresh pair, in both directions. `brakes` is false where a sleeping reader cannot make the
 * other side wait (a browser's WebSocket has no brake): there the protocol's window is the only one.
 */
export async function checkLink(makePair: () => Promise<LinkPair>, options: { readonly brakes: boolean }): Promise<void> {
  for (const demand of options.brakes ? [...DEMANDS, aSlowReaderMakesSendWait] : DEMANDS) {
    for (const turned of [false, true]) {
      const pair = await makePair();
      const [a, b] = pair.ends;
      try {
        await (turned ? demand(b, a) : demand(a, b));
      } finally {
        await pair.done();
      }
    }
  }
}

function must(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence);
}

function filled(value: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(value);
}

function equal(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

async function read(link: Link, count: number): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  while (messages.length < count) {
    const batch = await link.receive();
    must(batch.length >= 1 && batch.length <= BATCH_MESSAGES_MAX, `a batch of ${batch.length} messages was received`);
    messages.push(...batch);
  }
  return messages;
}

async function reasonOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof LinkClosed) return error.reason;
    throw error;
  }
}

async function messagesArriveWholeAndInOrder(a: Link, b: Link): Promise<void> {
  const sizes = [1, 2, 125, 126, 127, 65_280, MESSAGE_BYTES_MAX - 1, MESSAGE_BYTES_MAX];
  const sent = Array.from({ length: 136 }, (_, n) => filled(n % 251, sizes[n % sizes.length] ?? 1));
  const writing = (async () => {
    for (let count = 1, at = 0; count <= BATCH_MESSAGES_MAX; at += count, count += 1) await a.send(...sent.slice(at, at + count));
  })();
  const arrived = await read(b, sent.length);
  await writing;
  must(arrived.length === sent.length, "messages were added");
  must(sent.every((message, n) => equal(arrived[n], message)), "messages arrived changed or out of order");
}

async function bytesMayBeWrittenOverAfterASend(a: Link, b: Link): Promise<void> {
  const room = filled(0, 1000);
  const reading = read(b, 20);
  for (let n = 0; n < 20; n += 1) {
    room.fill(n);
    await a.send(room);
  }
  must((await reading).every((message, n) => equal(message, filled(n, 1000))), "a send kept the caller's bytes");
}

async function bothDirectionsAtOnce(a: Link, b: Link): Promise<void> {
  const batch = Array.from({ length: BATCH_MESSAGES_MAX }, (_, n) => filled(n, MESSAGE_BYTES_MAX));
  const write = async (link: Link): Promise<void> => {
    for (let n = 0; n < 4; n += 1) await link.send(...batch);
  };
  const [, , one, two] = await Promise.all([write(a), write(b), read(a, 64), read(b, 64)]);
  for (const arrived of [one, two]) {
    must(arrived.every((message, n) => equal(message, filled(n % 16, MESSAGE_BYTES_MAX))), "crossing batches were mixed up");
  }
}

async function whatNoLinkMayCarryIsOurBug(a: Link, b: Link): Promise<void> {
  const one = filled(1, 1);
  const wrong = [[], [new Uint8Array()], [one, new Uint8Array()], [filled(1, MESSAGE_BYTES_MAX + 1)], Array(17).fill(one)];
  for (const batch of wrong) {
    const refused = await a.send(...batch).then(() => false, (error: unknown) => error instanceof UnsendableBatch);
    must(refused, `a batch of ${batch.length} messages was sent`);
  }
  await a.send(filled(9, 5));
  must(equal((await read(b, 1))[0], filled(9, 5)), "something of a refused batch was sent");
}

async function aCloseIsHeardWithItsReason(a: Link, b: Link): Promise<void> {
  await a.send(filled(1, 3), filled(2, 3));
  a.close("ended_for_a_test");
  must((await read(b, 2)).length === 2, "messages sent before a close were lost");
  must((await reasonOf(b.receive())) === "ended_for_a_test", "the reason of a close did not arrive");
  for (const link of [a, b]) {
    link.close("another_reason");
    must((await reasonOf(link.receive())) === "ended_for_a_test", "a second close changed the reason");
    must((await reasonOf(link.send(filled(1, 1)))) !== null, "a closed link took a message");
  }
}

async function aWaitingReceiveEndsWhenItsOwnSideCloses(a: Link, b: Link): Promise<void> {
  const waiting = reasonOf(a.receive());
  a.close();
  must((await waiting) === "done", "a receive was left waiting on a closed link");
  must((await reasonOf(b.receive())) === "done", "a close without a reason was not heard");
}

async function bothMayCloseAtOnce(a: Link, b: Link): Promise<void> {
  a.close();
  b.close();
  a.close();
  must((await reasonOf(a.send(filled(1, 1)))) !== null && (await reasonOf(b.send(filled(1, 1)))) !== null, "a closed link took a message");
}

async function aSlowReaderMakesSendWait(a: Link, b: Link): Promise<void> {
  const batch = Array.from({ length: BATCH_MESSAGES_MAX }, () => filled(7, MESSAGE_BYTES_MAX));
  const most = Math.ceil(SWALLOWED_BYTES_MAX / (BATCH_MESSAGES_MAX * MESSAGE_BYTES_MAX));
  let sent = 0;
  const writing = (async () => {
    for (; sent < most; sent += 1) await a.send(...batch);
  })();
  await new Promise((resolve) => setTimeout(resolve, 300)); // a send that would not wait is through long before
  must(sent < most, `${sent} full batches were taken in for a reader that sleeps`);
  must((await read(b, most * BATCH_MESSAGES_MAX)).length === most * BATCH_MESSAGES_MAX, "the sleeping reader missed messages");
  await writing;
}

const DEMANDS: readonly Demand[] = [
  messagesArriveWholeAndInOrder,
  bytesMayBeWrittenOverAfterASend,
  bothDirectionsAtOnce,
  whatNoLinkMayCarryIsOurBug,
  aCloseIsHeardWithItsReason,
  aWaitingReceiveEndsWhenItsOwnSideCloses,
  bothMayCloseAtOnce,
];
