// Sender and receiver answer every conversation as it is written down, step by step, like their Python twins.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { decodeJson, encodeJson } from "../src/protocol/codec.ts";
import type { Item, ItemReceipt, Kept, Message, Reason, TransferMessage } from "../src/protocol/messages.ts";
import { Progress } from "../src/transfers/progress.ts";
import { Receiver } from "../src/transfers/receiver.ts";
import { Sender } from "../src/transfers/sender.ts";
import type { Read } from "../src/transfers/sender.ts";

interface Step {
  readonly do: string;
  readonly with?: readonly unknown[];
  readonly now?: number;
  readonly out: unknown;
}
interface Conversation {
  readonly name: string;
  readonly end: "sender" | "receiver";
  readonly items?: readonly Item[];
  readonly continues?: readonly string[];
  readonly steps: readonly Step[];
}

const path = new URL("../../tests/vectors/conversations.json", import.meta.url);
const conversations = JSON.parse(readFileSync(path, "utf8")) as readonly Conversation[];
const TRANSFER = "00112233445566778899aabbccddeeff";

/** A value as it stands in the script: without what is absent, false or empty; bytes as their count. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .map(([name, each]) => [name, plain(each)] as const)
    .filter(([, each]) => each !== undefined && each !== null && each !== false && each !== "")
    .filter(([, each]) => !Array.isArray(each) || each.length > 0);
  return Object.fromEntries(entries);
}

/** Python names the class of what stands within an event; here it has none. */
function untagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untagged);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name, each]) => name !== "t" || (each !== "item" && each !== "item_receipt"));
  return Object.fromEntries(entries.map(([name, each]) => [name, untagged(each)]));
}

function written(message: Message): unknown {
  return message.t === "chunk" ? message : JSON.parse(encodeJson(message));
}

function readMessage(json: { readonly t: string; readonly length?: number }): TransferMessage {
  if (json.t !== "chunk") return decodeJson(JSON.stringify(json)) as TransferMessage;
  const { item, offset } = json as unknown as { item: number; offset: number };
  return { t: "chunk", transfer: TRANSFER, item, offset, content: new Uint8Array(json.length ?? 0) };
}

class Player {
  readonly #sender: Sender;
  readonly #receiver = new Receiver(TRANSFER);
  readonly #isSender: boolean;
  readonly #reads: Read[] = [];
  #now = 0;

  constructor({ end, items, continues }: Conversation) {
    this.#isSender = end === "sender";
    this.#sender = new Sender(TRANSFER, this.#isSender ? (items ?? []) : [{ name: "-", size: 0 }], continues);
  }

  play(step: Step): unknown {
    this.#now = step.now ?? this.#now;
    return this.#do(step.do, step.with ?? []) ?? null;
  }

  #do(verb: string, [a, b, c]: readonly unknown[]): unknown {
    const item = a as number;
    const own = this.#isSender ? this.#sender : this.#receiver;
    switch (verb) {
      case "hear": {
        const message = readMessage(a as { readonly t: string });
        return plain(this.#isSender ? this.#sender.receive(message) : this.#receiver.receive(message, this.#now));
      }
      case "say":
        return (this.#isSender ? this.#sender.messagesToSend() : this.#receiver.messagesToSend(this.#now)).map(written);
      case "sums": {
        const { items, itemsDone, itemsFailed, itemsCancelled, bytes, bytesDone } = own.tally;
        return [items, itemsDone, itemsFailed, itemsCancelled, bytes, bytesDone];
      }
      case "state":
        return own.state(item);
      case "detached":
        return own.detached();
      case "cancel":
        return plain(own.cancel((a ?? null) as number | null));
      case "fail":
        return plain(own.fail(a as Reason));
      case "fail_item":
        return plain(own.failItem(item, b as Reason));
      default:
        return this.#isSender ? this.#send(verb, item, b as number, c as number) : this.#receive(verb, a, b, c);
    }
  }

  #send(verb: string, item: number, first: number, count: number): unknown {
    const sender = this.#sender;
    switch (verb) {
      case "propose":
        return sender.propose().map(written);
      case "read": {
        const read = sender.nextRead(item);
        if (read === null) return null;
        this.#reads.push(read);
        return [read.item, read.offset, read.length];
      }
      case "sent": {
        const read = this.#reads[item];
        assert.ok(read !== undefined);
        return sender.sent(read);
      }
      case "proved": {
        const digest = Uint8Array.from({ length: 32 }, (_, index) => index);
        return sender.proved(item, first, Array.from({ length: count }, () => digest)).map(written);
      }
      case "pause":
        return sender.pause(item ?? null);
      case "resume":
        return sender.resume(item ?? null);
      case "done":
        return [sender.done(item), sender.safe(item)];
      default:
        assert.fail(`no verb ${verb}`);
    }
  }

  #receive(verb: string, a: unknown, b: unknown, c: unknown): unknown {
    const receiver = this.#receiver;
    const [item, offset] = [a as number, b as number];
    switch (verb) {
      case "accept":
        return plain(receiver.accept(item, b as Kept[], c as ItemReceipt[]));
      case "decline":
        return plain(receiver.decline(a as Reason));
      case "wrote":
        return receiver.wrote(item, offset);
      case "synced":
        return receiver.synced(item, offset);
      case "placed":
        return plain(receiver.placed((a as ItemReceipt).item, a as ItemReceipt));
      case "proof_ok":
        return plain(receiver.proofOk(item));
      case "rewind":
        return plain(receiver.rewind(item, offset));
      case "hold":
        receiver.isHeld = a as boolean;
        return;
      case "forget_unwritten":
        return receiver.forgetUnwritten();
      default:
        assert.fail(`no verb ${verb}`);
    }
  }
}

for (const conversation of conversations) {
  test(`${conversation.end}: ${conversation.name}`, () => {
    const player = new Player(conversation);
    for (const step of conversation.steps) {
      assert.deepEqual({ ...step, out: player.play(step) }, { ...step, out: untagged(step.out) });
    }
  });
}

test("the control: a conversation that is written down otherwise is noticed", () => {
  const conversation = conversations.find(({ name }) => name.startsWith("plain"));
  assert.ok(conversation !== undefined);
  const player = new Player({ ...conversation, items: [{ name: "a", size: 99 }] });
  assert.throws(() => {
    for (const step of conversation.steps) assert.deepEqual(player.play(step), untagged(step.out));
  });
});

test("chunks of an item out of order are our own fault", () => {
  const sender = new Sender(TRANSFER, [{ name: "a", size: 10 }]);
  sender.propose();
  sender.receive({ t: "accept", transfer: TRANSFER, window: 1000 });
  sender.nextRead(5);
  const second = sender.nextRead(5);
  assert.ok(second !== null);
  assert.throws(() => sender.sent(second), /in order/);
});

test("a manifest of 100 000 items goes out in pages of at most 60 KiB, and one more is our own fault", () => {
  const items = Array.from({ length: 100_000 }, (_, index) => ({ name: `folder/IMG_${index}.jpg`, size: index }));
  const receiver = new Receiver(TRANSFER);
  let pages = 0;
  for (const message of new Sender(TRANSFER, items).propose()) {
    assert.ok(message.t === "propose");
    assert.ok(new TextEncoder().encode(encodeJson(message)).length <= 60 * 1024);
    const events = receiver.receive(message, 0);
    assert.equal(events.length, message.more ? 0 : 1);
    pages += 1;
  }
  assert.ok(pages > 100);
  assert.throws(() => new Sender(TRANSFER, [...items, { name: "x", size: 1 }]), RangeError);
});

test("progress tells a steady rate and the time left, and forgets pauses", () => {
  const progress = new Progress();
  assert.equal(progress.leftS(100), null);
  for (let second = 0; second <= 20; second++) progress.update(second * 1000, second);
  assert.equal(progress.rate, 1000);
  assert.equal(progress.leftS(2500), 3);
  progress.pause();
  progress.update(20_000, 500);
  progress.update(21_000, 501);
  assert.equal(progress.rate, 1000);
});
