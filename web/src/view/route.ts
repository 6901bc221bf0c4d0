// Which screen an address shows: on which device, from which place, and with what in hand.
import type { Device } from "./device.ts";

/** `meet`: no computer at home is known here; this device may still meet another one. */
export type Route = "wall" | "phone" | "owner" | "meet";

/** Who served the page: a computer at home, or a meeting point on the internet. */
export type Place = "home" | "edge";

/** `isKnown`: a code is in the address, or one of an earlier visit has left a key. */
export interface Visitor {
  readonly device: Pick<Device, "kind">;
  readonly place: Place;
  readonly isKnown: boolean;
}

/** The bare address is the wall, except on a phone: who types it there wants to send. A meeting point has no wall and no owner. */
export function routeOf(path: string, { device, place, isKnown }: Visitor): Route {
  if (place === "edge") return isKnown ? "phone" : "meet";
  const name = path.replace(/\/+$/, "");
  if (name === "/owner") return "owner";
  if (name === "/p") return "phone";
  return device.kind === "phone" ? "phone" : "wall";
}
