// The edge's wire as a page speaks it (qrshared/signaling/WIRE.md): what it says is read into shapes here, or not at all.
import type { IceServer } from "../links/rtc-bridge.ts";

/** The version of the wire this page speaks. */
export const EDGE_VERSION = 1;

/** Rooms one socket may be in, and one `join` may name. */
export const ROOMS_MAX = 128;

const SERVERS_MAX = 8;
const TEXT_CHARACTERS_MAX = 2048;
const SERVER = /^(?:stun|turn)s?:[!-~]+$/;

/** Who is in a room: `you` is oneself, as the others know it. */
export interface Presence {
  readonly room: string;
  readonly you: string;
  readonly peers: readonly string[];
}

export type ToEdge =
  | { readonly t: "join"; readonly rooms: readonly string[] }
  | { readonly t: "leave"; readonly rooms: readonly string[] }
  | { readonly t: "relay"; readonly room: string; readonly to: string; readonly seq: number; readonly blob: string }
  | { readonly t: "turn"; readonly room: string; readonly to: string }
  | { readonly t: "ping" }
  | { readonly t: "pong" };

export type FromEdge =
  | { readonly t: "welcome"; readonly version: number; readonly turn: boolean; readonly stun: readonly string[] | null }
  | { readonly t: "joined"; readonly present: readonly Presence[] }
  | { readonly t: "left"; readonly room: string; readonly peer: string }
  | { readonly t: "relayed"; readonly room: string; readonly peer: string; readonly blob: string }
  | { readonly t: "servers"; readonly room: string; readonly servers: readonly IceServer[]; readonly untilMs: number }
  | { readonly t: "moved"; readonly retryMs: number }
  | { readonly t: "refuse"; readonly reason: string; readonly room: string | null }
  | { readonly t: "ping" }
  | { readonly t: "pong" };

/** What came from something that is no edge of ours. */
export class NotFromAnEdge extends Error {
  override readonly name = "NotFromAnEdge";
}

/** Reads one message; null for one that a newer edge may say; throws `NotFromAnEdge`. */
export function readFromEdge(message: unknown): FromEdge | null {
  if (typeof message !== "string") throw new NotFromAnEdge("a binary message");
  const said = record(parsed(message));
  switch (said["t"]) {
    case "welcome":
      return { t: "welcome", version: number(said["version"]), turn: said["turn"] === true, stun: said["stun"] === undefined ? null : list(said["stun"], SERVERS_MAX).map(address) };
    case "joined":
      return { t: "joined", present: list(said["present"], ROOMS_MAX).map(presence) };
    case "left":
      return { t: "left", room: text(said["room"]), peer: text(said["peer"]) };
    case "relayed":
      return { t: "relayed", room: text(said["room"]), peer: text(said["peer"]), blob: text(said["blob"], 1 << 16) };
    case "servers":
      return { t: "servers", room: text(said["room"]), servers: list(said["servers"], SERVERS_MAX).map(iceServer), untilMs: number(said["until_ms"]) };
    case "moved":
      return { t: "moved", retryMs: number(said["retry_ms"]) };
    case "refuse":
      return { t: "refuse", reason: text(said["reason"]), room: said["room"] === undefined ? null : text(said["room"]) };
    case "ping":
    case "pong":
      return { t: said["t"] };
    default:
      return null;
  }
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    throw new NotFromAnEdge("no JSON");
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new NotFromAnEdge("no object");
  return value as Readonly<Record<string, unknown>>;
}

function text(value: unknown, most: number = TEXT_CHARACTERS_MAX): string {
  if (typeof value !== "string" || value.length > most) throw new NotFromAnEdge("no text, or too long a one");
  return value;
}

function address(value: unknown): string {
  const url = text(value);
  if (!SERVER.test(url)) throw new NotFromAnEdge("no address of a server");
  return url;
}

function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new NotFromAnEdge("no whole number");
  return value;
}

function list(value: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > most) throw new NotFromAnEdge("no list, or too long a one");
  return value;
}

function presence(value: unknown): Presence {
  const said = record(value);
  return { room: text(said["room"]), you: text(said["you"]), peers: list(said["peers"], 64).map((peer) => text(peer)) };
}

function iceServer(value: unknown): IceServer {
  const said = record(value);
  const urls = list(said["urls"], SERVERS_MAX).map((url) => text(url));
  if (!urls.every((url) => SERVER.test(url))) throw new NotFromAnEdge("no server's address"); // browsers throw at others
  if (said["username"] === undefined || said["credential"] === undefined) return { urls };
  return { urls, username: text(said["username"]), credential: text(said["credential"]) };
}
