// What a session worker and the main thread say to each other about peer connections: browsers have these on the main thread only.

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** One way to be reached; an empty `candidate` says that there are no more. */
export interface IceCandidate {
  readonly candidate: string;
  readonly mid: string | null;
  readonly line: number | null;
}

/** Whether the bytes go straight to the peer or through somebody's TURN server. */
export type RoadUsed = "direct" | "relay";

/** Worker → main thread. `id` names a connection; the worker chooses it. */
export type RtcOrder =
  | { readonly t: "open"; readonly id: number; readonly servers: readonly IceServer[]; readonly relayOnly: boolean; readonly offers: boolean }
  | { readonly t: "describe"; readonly id: number } // answered by `described`, which holds every candidate told before it
  | { readonly t: "remote"; readonly id: number; readonly kind: "offer" | "answer"; readonly sdp: string }
  | { readonly t: "candidate"; readonly id: number; readonly candidate: IceCandidate }
  | { readonly t: "send"; readonly id: number; readonly frame: ArrayBuffer } // a batch, framed; transferred
  | { readonly t: "read"; readonly id: number; readonly bytes: number } // so many bytes of `arrived` were taken: more may come
  | { readonly t: "road"; readonly id: number } // answered by `road`
  | { readonly t: "close"; readonly id: number; readonly reason: string };

/** Main thread → worker. */
export type RtcReport =
  | { readonly t: "candidate"; readonly id: number; readonly candidate: IceCandidate }
  | { readonly t: "described"; readonly id: number; readonly sdp: string }
  | { readonly t: "state"; readonly id: number; readonly state: RTCPeerConnectionState }
  | { readonly t: "opened"; readonly id: number }
  | { readonly t: "sent"; readonly id: number; readonly bytes: number } // left the queue here: more may be sent
  | { readonly t: "arrived"; readonly id: number; readonly messages: readonly ArrayBuffer[] } // transferred
  | { readonly t: "road"; readonly id: number; readonly road: RoadUsed | null }
  | { readonly t: "ended"; readonly id: number; readonly reason: string }; // the last word about this connection

/** The label of the one data channel of a connection. */
export const CHANNEL_LABEL = "qrshared";

/** Framed bytes a worker may have given away that the main thread has not yet handed to the browser. */
export const SENDING_BYTES_MAX = 3 << 20;

/** Bytes a worker may have been given that its session has not read. */
export const RECEIVING_BYTES_MAX = 4 << 20;

/** What is used of a MessagePort. */
export type Port = Pick<MessagePort, "postMessage" | "onmessage" | "close">;
