/** What can go wrong while a link is being sealed or used: every one of these ends the link and nothing else. */

export type SealFault = "malformed" | "handshake" | "reflected" | "spoiled" | "worn_out" | "fragment" | "refused";

/** Why a responder refuses before the seal; the values travel on the wire. */
export const REFUSALS = ["unknown_key", "wrong_road", "busy", "handshake", "version"] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The link must be closed; `fault` says what the view tells the person, `message` is for the log. */
export class SealError extends Error {
  readonly fault: SealFault;

  constructor(fault: SealFault, message: string) {
    super(message);
    this.name = "SealError";
    this.fault = fault;
  }
}

/** The other side said no. Nobody has signed this: show its sentence, throw no key away for it. */
export class Refused extends SealError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super("refused", `refused: ${refusal}`);
    this.name = "Refused";
    this.refusal = refusal;
  }
}

/** Our own fault: something was called in an order that the design does not have. */
export class SealMisused extends Error {}
