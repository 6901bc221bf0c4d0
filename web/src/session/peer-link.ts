// A link to another page once it is sealed and both have said hello: who is there is known, nobody uses it yet.
import { type Link, LinkClosed } from "../links/port.ts";
import type { Chunk, Hello, Kind } from "../protocol/messages.ts";
import { VERSIONS } from "../protocol/versions.ts";
import { type Cipher, comparisonWords, deriveKeys, Initiator, Responder, SealError } from "../seal/index.ts";
import type { Greeting, Tokens } from "./acquaintances.ts";
import type { AwayLink } from "./away-link.ts";
import type { Clock } from "./clock.ts";
import { HANDSHAKE_S_MAX, SealedLink, sealAsInitiator } from "./sealed-link.ts";
import { type Ended, Session, type SessionMessage, type SessionOwner } from "./session.ts";

/** How this page introduces itself to others. */
export interface Self {
  readonly name: string;
  readonly kind: Kind;
  readonly instance: number;
}

/** What this page's hello says to be known again; null: nothing, as somebody else says who is who. */
export type TokensFor = (greeting: Greeting) => Tokens | null;

const NO_TOKENS: TokensFor = () => null;

type Opened = Pick<PeerLink, "away" | "hello" | "greeting" | "token" | "session"> & { readonly link: SealedLink; readonly owner: Owner };

interface Sealing {
  readonly link: SealedLink;
  readonly hash: Uint8Array;
}

export class PeerLink {
  readonly away: AwayLink;
  /** What the other page said of itself. */
  readonly hello: Hello;
  /** The same four at both ends, unless somebody stands between who knows the secret. */
  readonly words: string;
  readonly session: Session;
  readonly greeting: Greeting;
  /** Half of a key that this page said; empty where the two are known to each other already. */
  readonly token: Uint8Array;
  readonly #link: SealedLink;
  readonly #owner: Owner;

  private constructor({ away, hello, greeting, token, session, link, owner }: Opened) {
    this.away = away;
    this.hello = hello;
    this.words = comparisonWords(greeting.hash).join(" ");
    this.session = session;
    this.greeting = greeting;
    this.token = token;
    this.#link = link;
    this.#owner = owner;
  }

  /** Null when it came to nothing: closed, spoiled, or not somebody who knows the secret. `tokens`: by what it is known again. */
  static async open(away: AwayLink, secret: Uint8Array, self: Self, clock: Clock, tokens: TokensFor = NO_TOKENS): Promise<PeerLink | null> {
    const takeBack = clock.after(HANDSHAKE_S_MAX, () => away.link.close("lost"));
    try {
      const { link, hash } = await (away.initiator ? initiate(away.link, secret) : respond(away.link, secret));
      const owner = new Owner();
      const session = new Session(link, clock, owner);
      const greeting = { hash, initiator: away.initiator };
      const said = tokens(greeting);
      const hello = await session.greet({ t: "hello", versions: VERSIONS, ...self, grant: { rights: ["send"] }, ...said });
      return hello === null ? null : new PeerLink({ away, hello, greeting, token: said?.token ?? new Uint8Array(0), session, link, owner });
    } catch (error) {
      if (error instanceof LinkClosed || error instanceof SealError) return null;
      throw error;
    } finally {
      takeBack();
    }
  }

  use(cipher: Cipher): void {
    this.#link.use(cipher);
  }

  /** Reads and writes for `owner` until it ends. */
  run(owner: SessionOwner): Promise<Ended> {
    this.#owner.real = owner;
    return this.session.run();
  }
}

/** A session needs its owner before anybody knows whose it is. */
class Owner implements SessionOwner {
  real: SessionOwner | null = null;

  chunks(most: number): readonly Chunk[] {
    return this.real?.chunks(most) ?? [];
  }

  receive(message: SessionMessage): void {
    this.real?.receive(message);
  }
}

async function initiate(link: Link, secret: Uint8Array): Promise<Sealing> {
  const initiator = new Initiator("peer", secret);
  const sealed = await sealAsInitiator(link, initiator);
  return { link: sealed, hash: initiator.handshakeHash ?? new Uint8Array(0) };
}

async function respond(link: Link, secret: Uint8Array): Promise<Sealing> {
  const { keyId, sessionAuth } = deriveKeys(secret);
  const isOurs = (named: Uint8Array): boolean => named.length === keyId.length && named.every((byte, index) => byte === keyId[index]);
  const responder = new Responder("peer", (named) => (isOurs(named) ? { sessionAuth, holder: null } : "unknown_key"));
  try {
    await link.send(responder.opening());
    for (;;) {
      const messages = await link.receive();
      for (const [at, message] of messages.entries()) {
        for (const answer of responder.receive(message)) await link.send(answer);
        if (responder.refused !== undefined) throw new SealError("handshake", `refused: ${responder.refused}`);
        if (responder.sealed === undefined || responder.handshakeHash === undefined) continue;
        return { link: new SealedLink(link, responder.sealed, messages.slice(at + 1)), hash: responder.handshakeHash };
      }
    }
  } catch (error) {
    link.close(error instanceof LinkClosed ? error.reason : "handshake");
    throw error;
  }
}
