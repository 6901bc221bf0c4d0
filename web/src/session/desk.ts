// The page's questions to the daemon: passed on, answered once, and never left hanging when a link ends.
import { ASKS_MAX } from "../protocol/limits.ts";
import type { Answer, Ask, Message, News, Refuse, Topic, Verb } from "../protocol/messages.ts";
import type { Update } from "./bridge.ts";

type Post = (message: Extract<Message, { readonly t: "ask" | "watch" }>) => void;

const LOST_SENTENCE = "The connection was lost before the answer came. Try again in a moment.";
const TOO_MANY_SENTENCE = "The computer is still busy with your last wishes. Try again in a moment.";

export class Desk {
  readonly #tell: (update: Update) => void;
  readonly #open = new Set<number>();
  #topics: readonly Topic[];
  #post: Post | null = null;

  constructor(topics: readonly Topic[], tell: (update: Update) => void) {
    this.#topics = topics;
    this.#tell = tell;
  }

  attach(post: Post): void {
    this.#post = post;
    if (this.#topics.length > 0) post({ t: "watch", topics: this.#topics });
  }

  detach(): void {
    this.#post = null;
    for (const id of this.#open) this.#tell({ t: "refuse", id, reason: "busy", sentence: LOST_SENTENCE });
    this.#open.clear();
  }

  watch(topics: readonly Topic[]): void {
    this.#topics = topics;
    this.#post?.({ t: "watch", topics });
  }

  ask(id: number, verb: Verb): void {
    if (this.#post === null || this.#open.size >= ASKS_MAX) {
      const sentence = this.#post === null ? LOST_SENTENCE : TOO_MANY_SENTENCE;
      this.#tell({ t: "refuse", id, reason: "busy", sentence });
      return;
    }
    this.#open.add(id);
    const ask: Ask = { t: "ask", id, verb };
    this.#post(ask);
  }

  receive(message: News | Answer | Refuse): void {
    if (message.t === "news") this.#tell(message);
    else if (!this.#open.delete(message.id)) return; // answered twice, or never asked
    else if (message.t === "answer") this.#tell(message);
    else this.#tell({ ...message, sentence: message.sentence ?? "" });
  }
}
