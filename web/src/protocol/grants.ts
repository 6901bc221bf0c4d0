/** What a page concludes from its grant, decided in one place. */
import type { GrantFacts } from "./messages.ts";

/** Whether this device is one of the owner's own: it may pick up and is no guest. Guests are told less and stay at home. */
export function isTrustedToPickUp(grant: GrantFacts | null): boolean {
  return grant !== null && grant.trust !== "guest" && grant.rights.includes("pick_up");
}
