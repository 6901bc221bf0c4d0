// A meeting kept going: says what is due in its time, hands on what is heard.
import type { Meeting, MeetingEvent } from "../signaling/meeting.ts";
import type { MeetingMessage } from "../signaling/messages.ts";
import type { Clock } from "./clock.ts";

export interface ConversationPorts {
  readonly clock: Clock;
  readonly send: (blob: Uint8Array) => void;
  /** Never called from within a verb of the conversation. */
  readonly hear: (event: MeetingEvent) => void;
}

export class Conversation {
  readonly meeting: Meeting;
  readonly #ports: ConversationPorts;
  #isOver = false;
  #takeBack = (): void => undefined;

  constructor(meeting: Meeting, ports: ConversationPorts) {
    this.meeting = meeting;
    this.#ports = ports;
    meeting.start(this.#now());
    this.#pump();
  }

  receive(blob: Uint8Array): void {
    const events = this.meeting.receive(blob, this.#now());
    this.#pump();
    for (const event of events) this.#tell(event);
  }

  /** Says it until it is confirmed; nothing once the meeting is over. */
  say(message: MeetingMessage): void {
    this.meeting.say(message, this.#now());
    this.#pump();
  }

  /** Says goodbye to whoever proved who it is, and hears nothing more. */
  close(): void {
    this.#isOver = true;
    this.say({ t: "bye" });
    this.#takeBack();
  }

  /** In milliseconds, as the meeting counts. */
  #now(): number {
    return this.#ports.clock.now() * 1000;
  }

  #pump(): void {
    this.#takeBack();
    const now = this.#now();
    for (const blob of this.meeting.blobsToSend(now)) this.#ports.send(blob);
    const due = this.meeting.nextDue();
    if (due !== undefined) this.#takeBack = this.#ports.clock.after(Math.max(0, due - now) / 1000, () => this.#due());
  }

  #due(): void {
    this.#pump();
    const reason = this.meeting.overReason;
    if (reason !== undefined) this.#tell({ t: "over", reason }); // time ends a meeting without an event
  }

  #tell(event: MeetingEvent): void {
    if (this.#isOver) return;
    if (event.t === "over") this.close();
    this.#ports.hear(event);
  }
}
