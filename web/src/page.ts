// Where the page begins: the address chooses the screen, a worker of its own carries its session.
import type { Command, Opening, Update } from "./session/bridge.ts";
import type { PeerOrder, RoomOpening } from "./session/peer-bridge.ts";
import { deviceOf, traits } from "./view/device.ts";
import { settleCode } from "./view/foreign-code.ts";
import { Keyring, secretFromFragment, type Slot } from "./view/keyring.ts";
import { Homes } from "./view/homes.ts";
import { mayLeave } from "./view/leaving.ts";
import { RtcHost } from "./links/rtc-host.ts";
import { WorkerLine } from "./view/line.ts";
import { MeetPage } from "./view/meet.ts";
import { isSession, keepMet, meetingSession } from "./view/meeting-session.ts";
import { OwnerPage } from "./view/owner.ts";
import { PeerStore } from "./view/peer-store.ts";
import { PhonePage } from "./view/phone.ts";
import { downloads } from "./view/place.ts";
import { type Place, routeOf } from "./view/route.ts";
import { WallPage } from "./view/wall.ts";

// Not the address decides: a home may have a public name, and a meeting point may be tried on loopback.
const served = document.querySelector<HTMLMetaElement>('meta[name="qrshared"]')?.content;
const place: Place = served === "edge" ? "edge" : "home";
const device = deviceOf(traits());
const keys = new Keyring("key", place === "edge");
const isMeeting = place === "edge" && isSession(); // asked before the keyring, which would keep its code as a computer's
if (place === "edge" && !isMeeting) await settleCode(keys); // any page on the web can open an address with a code in it
const isKnown = place === "edge" && !isMeeting && (keys.ticket !== null || keys.key !== null);
const route = isMeeting ? "meet" : routeOf(location.pathname, { device, place, isKnown });
const lines = new Set<WorkerLine>();
const hosts = new Set<RtcHost>();

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

/** The one place that names the worker: the build puts its built name there. */
function makeWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

type Introduction = Pick<Opening, "bare" | "topics"> & { readonly slot: Slot; readonly redeems?: boolean };

function makeLine({ slot, redeems = false, bare, topics }: Introduction): WorkerLine {
  const worker = makeWorker();
  const keyring = slot === "key" ? keys : new Keyring(slot);
  const line = new WorkerLine(worker, keyring, holdConnections(worker));
  const kind = slot === "none" ? "wall" : device.kind;
  const ticket = redeems ? keyring.ticket : null;
  const edge = place === "edge" ? location.origin : null;
  line.open({ bare, topics, ticket, socketUrl: socketUrl(), edge, name: device.name, kind, instance: instance() });
  for (const old of lines) if (old.isClosed) lines.delete(old); // with the files it still held
  lines.add(line);
  return line;
}

/** Workers drive peer connections, and this thread holds them: browsers have them here only. Returns what ends them. */
function holdConnections(worker: Worker): () => void {
  const { port1, port2 } = new MessageChannel();
  const host = new RtcHost(port1);
  worker.postMessage({ t: "connections", port: port2 }, [port2]);
  hosts.add(host);
  return () => {
    hosts.delete(host);
    host.close();
  };
}

/** No computer at home is asked here: whoever has the session's code is met. */
function makeMeetPage(): MeetPage {
  const session = meetingSession();
  const worker = makeWorker();
  const post = (order: PeerOrder): void => worker.postMessage({ t: "peers", order } satisfies Command);
  const store = new PeerStore(post, ({ start }) => downloads.start(start));
  worker.onmessage = ({ data }: MessageEvent<Update>) => {
    if (data.t !== "peers") return;
    if (data.news.t === "met") keepMet(data.news.met);
    else store.hear(data.news);
  };
  holdConnections(worker);
  const { name, kind } = device;
  worker.postMessage({ t: "room", edge: location.origin, secret: session.secret, name, kind, instance: instance(), met: session.met } satisfies RoomOpening);
  const wake = (): void => worker.postMessage({ t: "wake" } satisfies Command);
  return new MeetPage(store, session, device, keys, wake);
}

const guestLine = (): WorkerLine => makeLine({ slot: "key", bare: "enroll", topics: [] });

function screenFor(): HTMLElement {
  switch (route) {
    case "wall":
      return new WallPage(makeLine({ slot: "none", bare: "watch", topics: ["wall"] }), device, guestLine, () => keys.key !== null);
    case "phone": {
      const cameByCode = secretFromFragment(location.hash) !== null;
      const bare = place === "edge" ? "watch" : "enroll"; // only a home has a wall that gives a code
      const line = makeLine({ slot: "key", redeems: true, bare, topics: ["nearby", "shelf"] });
      const elsewhere = place === "edge" ? new Homes(keys, { isMeeting: false, mayLeave: () => mayLeave(line), subscribe: (listener) => line.subscribe(listener) }) : null;
      return new PhonePage(line, device, { cameByCode, place, leave: null, elsewhere });
    }
    case "meet":
      return makeMeetPage();
    case "owner":
      return new OwnerPage(makeLine({ slot: "owner", redeems: true, bare: "watch", topics: ["status", "transfers", "inbox", "devices", "nearby", "shelf", "pick_ups"] }), device);
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

// Not "unload", which would keep the page from being taken up again as it was.
addEventListener("pagehide", () => {
  for (const host of hosts) host.leave();
});

// A new code opened in the same tab changes only the fragment.
addEventListener("hashchange", () => {
  if (secretFromFragment(location.hash)) location.reload();
});
