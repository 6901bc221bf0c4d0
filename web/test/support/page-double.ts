// A page at the other end of the bridge: starts a visit, remembers what it is told, stores keys when asked.
import { randomBytes } from "node:crypto";
import type { Command, ItemView, LinkView, Opening, Picked, TotalView, Update } from "../../src/session/bridge.ts";
import { bulkCipher, bulkDigest } from "../../src/session/bulk.ts";
import { Visit, type VisitPorts } from "../../src/session/visit.ts";
import { DaemonDouble } from "./daemon-double.ts";
import { ManualClock, turn } from "./manual-clock.ts";

export const TICKET = new Uint8Array(16).fill(1);
export const KEY = new Uint8Array(32).fill(3);

const STEP_S = 0.05;
const STEPS_MAX = 20_000;

export class PageDouble {
  readonly daemon: DaemonDouble;
  readonly clock = new ManualClock();
  readonly updates: Update[] = [];
  readonly items = new Map<number, ItemView>();
  readonly visit: Visit;
  total: TotalView | null = null;
  link: LinkView | null = null;
  key: Uint8Array | null;
  readonly #keepsKeys: boolean;
  readonly running: Promise<void>;

  constructor(daemon: DaemonDouble, opening: Partial<Opening> = {}, ports: Partial<VisitPorts> = {}, habits = { keepsKeys: true }) {
    this.#keepsKeys = habits.keepsKeys;
    this.daemon = daemon;
    const whole: Opening = {
      t: "open", socketUrl: "ws://daemon/link", ticket: null, key: null, bare: "enroll",
      name: "Pixel", kind: "phone", instance: 77, topics: [], continues: [], ...opening,
    };
    this.key = whole.key;
    this.visit = new Visit(whole, {
      connect: () => daemon.connect(),
      dialAway: async () => ({ link: await daemon.connectAway(), road: () => daemon.awayRoad, onRoad: () => undefined }),
      hangUp: () => undefined,
      clock: this.clock,
      random: () => 0.5,
      randomBytes: (count) => new Uint8Array(randomBytes(count)),
      bulkCipher,
      digest: bulkDigest,
      tell: (update) => this.#hear(update),
      ...ports,
    });
    this.running = this.visit.run();
  }

  command(command: Exclude<Command, Opening>): void {
    this.visit.command(command);
  }

  send(...files: readonly (File | Picked)[]): void {
    this.command({ t: "send", picked: files.map((file) => ("file" in file ? file : { file, path: file.name })) });
  }

  told<T extends Update["t"]>(t: T): Extract<Update, { t: T }>[] {
    return this.updates.filter((update): update is Extract<Update, { t: T }> => update.t === t);
  }

  links(): string[] {
    return this.told("link").map(({ link }) => link.state);
  }

  row(name: string): ItemView | undefined {
    return [...this.items.values()].find((item) => item.name === name);
  }

  /** Lets time go by until something is so. */
  async until(holds: () => boolean, what = "what the test waits for"): Promise<void> {
    for (let step = 0; step < STEPS_MAX; step += 1) {
      await turn();
      if (holds()) return;
      await this.clock.advance(STEP_S);
    }
    throw new Error(`${what} did not happen; the link is ${JSON.stringify(this.link)}, the total ${JSON.stringify(this.total)}`);
  }

  untilOpen(): Promise<void> {
    return this.until(() => this.link?.state === "open", "an open link");
  }

  async stop(): Promise<void> {
    this.visit.stop();
    await this.until(() => this.daemon.present.length === 0, "everybody has left");
    await this.running;
  }

  #hear(update: Update): void {
    this.updates.push(structuredClone(update)); // as the bridge does: nothing that cannot be cloned goes over it
    if (update.t === "link") this.link = update.link;
    if (update.t === "total") this.total = update.total;
    if (update.t === "keep_key" && this.#keepsKeys) {
      this.key = update.key;
      this.command({ t: "key_kept" });
    }
    if (update.t === "drop_key") this.key = null;
    if (update.t === "items") {
      for (const item of update.changed) this.items.set(item.id, item);
      for (const id of update.gone) this.items.delete(id);
    }
  }
}
