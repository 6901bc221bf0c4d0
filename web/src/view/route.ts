// Which screen an address shows on which device.
import type { Device } from "./device.ts";

export type Route = "wall" | "phone" | "owner";

/** The bare address is the wall, except on a phone: who types it there wants to send. */
export function routeOf(path: string, device: Pick<Device, "kind">): Route {
  const name = path.replace(/\/+$/, "");
  if (name === "/owner") return "owner";
  if (name === "/p") return "phone";
  return device.kind === "phone" ? "phone" : "wall";
}
