// A link that WebRTC carries, and what is needed of the world to make one.
import type { Link } from "../links/port.ts";
import type { IceServer, RoadUsed } from "../links/rtc-bridge.ts";
import type { CandidateCounts, PeerConnection } from "../links/rtc-remote.ts";
import type { SignalSocket } from "../signaling/client.ts";
import type { Clock } from "./clock.ts";

export type { IceServer, RoadUsed };

/** What `PeerConnections` gives. */
export interface Connections {
  open(servers: readonly IceServer[], options?: { readonly relayOnly?: boolean }): PeerConnection;
  networkChanged(): void;
}

export interface AwayPorts {
  readonly openSocket: (url: string) => SignalSocket;
  readonly peerConnections: Connections;
  readonly clock: Clock;
  /** Numbers in [0, 1), for waiting times only. */
  readonly random: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Hears how many candidates each attempt found; never an address. */
  readonly log: (counts: CandidateCounts) => void;
}

/** A link to the computer or to another page. The initiator of the meeting also initiates the handshake. */
export interface AwayLink {
  readonly link: Link;
  readonly peer: "home" | "page";
  readonly initiator: boolean;
  /** As the browser's statistics say; null while they do not. */
  road(): RoadUsed | null;
  /** Hears each road that is new. */
  onRoad: (road: RoadUsed) => void;
  close(): void;
}

/** Those servers, as a connection takes them. */
export const stunOf = (urls: readonly string[]): readonly IceServer[] => (urls.length === 0 ? [] : [{ urls }]);

/** Unless the edge says whom. Asked so that two networks can find each other's outside. */
export const PUBLIC_STUN: readonly IceServer[] = [{ urls: ["stun:stun.l.google.com:19302"] }];
