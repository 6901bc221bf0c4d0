// Where the page begins: the address chooses the screen, a worker of its own carries its session.
import type { Opening } from "./session/bridge.ts";
import { deviceOf, traits } from "./view/device.ts";
import { Keyring, secretFromFragment, type Slot } from "./view/keyring.ts";
import { WorkerLine } from "./view/line.ts";
import { OwnerPage } from "./view/owner.ts";
import { PhonePage } from "./view/phone.ts";
import { routeOf } from "./view/route.ts";
import { WallPage } from "./view/wall.ts";

const device = deviceOf(traits());
const route = routeOf(location.pathname, device);
const lines = new Set<WorkerLine>();

function socketUrl(): string {
  const url = new URL("/link", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}

/** A number that tells this page load from others of the same device. */
function instance(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! & 0x1f_ffff) * 2 ** 32 + low!;
}

type Introduction = Pick<Opening, "bare" | "topics"> & { readonly slot: Slot; readonly redeems?: boolean };

function makeLine({ slot, redeems = false, bare, topics }: Introduction): WorkerLine {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const keyring = new Keyring(slot);
  const line = new WorkerLine(worker, keyring);
  const kind = slot === "none" ? "wall" : device.kind;
  const ticket = redeems ? keyring.ticket : null;
  line.open({ bare, topics, ticket, socketUrl: socketUrl(), name: device.name, kind, instance: instance() });
  for (const old of lines) if (old.isClosed) lines.delete(old); // with the files it still held
  lines.add(line);
  return line;
}

const guestLine = (): WorkerLine => makeLine({ slot: "key", bare: "enroll", topics: [] });

function screenFor(): HTMLElement {
  switch (route) {
    case "wall":
      return new WallPage(makeLine({ slot: "none", bare: "watch", topics: ["wall"] }), device, guestLine);
    case "phone": {
      const cameByCode = secretFromFragment(location.hash) !== null;
      return new PhonePage(makeLine({ slot: "key", redeems: true, bare: "enroll", topics: [] }), device, cameByCode);
    }
    case "owner":
      return new OwnerPage(makeLine({ slot: "owner", redeems: true, bare: "watch", topics: ["status", "transfers", "inbox", "devices"] }));
  }
}

document.body.dataset["screen"] = route;
document.body.append(screenFor());

// A phone that comes back from the pocket should not wait for a timer.
const wake = (): void => {
  if (document.visibilityState === "visible") for (const line of lines) line.post({ t: "wake" });
};
document.addEventListener("visibilitychange", wake);
addEventListener("online", wake);
addEventListener("pageshow", wake);

// A new code opened in the same tab changes only the fragment.
addEventListener("hashchange", () => {
  if (secretFromFragment(location.hash)) location.reload();
});
