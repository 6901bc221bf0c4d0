// Who may send: every browser that redeemed a code, when it was here last, and how its access is raised or ended.
import { html, type TemplateResult } from "lit";
import type { DeviceFacts, DeviceList, Kind, RoadInUse } from "../protocol/messages.ts";
import { askName, confirm } from "./dialogs.ts";
import "./folded-list.ts";
import { icons } from "./icons.ts";
import { visible } from "./names.ts";
import { ago, count } from "./numbers.ts";
import type { Act } from "./owner.ts";
import { type HeldRow, heldRow } from "./row-focus.ts";

const KIND_ICONS: Readonly<Record<Kind, TemplateResult>> = {
  computer: icons.computer, phone: icons.phone, tablet: icons.tablet, laptop: icons.laptop, wall: icons.tablet, command: icons.computer,
};

const HERE: Readonly<Record<RoadInUse, string>> = { home: "here now", direct: "here now, from another network", relay: "here now, through the relay" };

const TRUST_WORDS: Readonly<Record<string, string>> = {
  guest: "guest, may send",
  trusted: "trusted, may send and pick up",
  owner: "owner",
};

/**
 * Browsers that forgot themselves come back as new devices: equal names stand together, the last seen first. What a device
 * uses away from home stands beneath it.
 */
function grouped(devices: readonly DeviceFacts[]): readonly DeviceFacts[] {
  const groups = new Map<string, DeviceFacts[]>();
  for (const device of devices) if (!isSecond(device, devices)) groups.set(device.name, [...(groups.get(device.name) ?? []), device]);
  const tied = (device: DeviceFacts): readonly DeviceFacts[] => [device, ...secondsOf(device, devices).flatMap(tied)];
  return [...groups.values()].flat().flatMap(tied);
}

/** This is what another one, which is still here, uses away from home. */
function isSecond(device: DeviceFacts, devices: readonly DeviceFacts[]): boolean {
  return devices.some((one) => one.device === device.second_of);
}

function secondsOf(first: DeviceFacts, devices: readonly DeviceFacts[]): readonly DeviceFacts[] {
  return devices.filter(({ second_of }) => second_of === first.device);
}

/** How many of them are here now, whatever they use at the moment and however many pages of it are open. */
export function here({ devices }: DeviceList): number {
  const isHere = (device: DeviceFacts): boolean => device.online || secondsOf(device, devices).some(isHere);
  return devices.filter((device) => !isSecond(device, devices) && isHere(device)).length;
}

export function devicesCard(list: DeviceList | null, act: Act, nowMs: number, addPhone: () => void): TemplateResult {
  const devices = grouped(list?.devices ?? []);
  return html`<section class="panel" aria-label="Devices">
    <div class="panel-head"><h2>Devices <small>${devices.length > 0 ? count(devices.length) : ""}</small></h2></div>
    <div class="card">${devices.length === 0
      ? html`<div class="empty empty-small"><p><b>Nobody yet.</b></p><p class="quiet-text">A phone appears here when it has scanned the code.</p><button type="button" class="button" @click=${addPhone}>${icons.phone}<span>Add my phone</span></button></div>`
      : html`<folded-list .keyOf=${(device: DeviceFacts) => device.device} .draw=${(device: DeviceFacts) => deviceRow(device, tieOf(device, devices), act, nowMs)} .rows=${devices}></folded-list>`}</div>
  </section>`;
}

/** One phone may have two keys, one for each place: `away` is the second, which ends with the first. */
type Tie = "alone" | "both" | "away";

function tieOf(device: DeviceFacts, devices: readonly DeviceFacts[]): Tie {
  if (isSecond(device, devices)) return "away";
  return secondsOf(device, devices).length > 0 ? "both" : "alone";
}

function deviceRow(device: DeviceFacts, tie: Tie, act: Act, nowMs: number): TemplateResult {
  const name = tie === "away" ? `${visible(device.name)}, away from home` : visible(device.name);
  const seen = device.online ? HERE[device.road ?? "home"] : `last here ${ago(device.seen_ms, nowMs)}`;
  return html`<li class="row device" data-device=${device.device} data-tie=${tie}>
    <span class="thumb thumb-device" data-online=${device.online ? "yes" : "no"}>${KIND_ICONS[device.kind]}</span>
    <div class="row-what"><bdi class="name">${name}</bdi>
      <div class="row-note">${device.online ? html`<span class="go">${seen}</span>` : seen}, ${TRUST_WORDS[device.trust] ?? device.trust}</div></div>
    <div class="row-acts">
      ${device.trust === "guest" ? html`<button type="button" class="round" aria-label="Trust ${name}" title="Trust" @click=${() => trust(device, act)}>${icons.shield}</button>` : ""}
      <button type="button" class="round" aria-label="Rename ${name}" title="Rename" @click=${() => rename(device, act)}>${icons.pencil}</button>
      <button type="button" class="round" aria-label="Remove ${name}" title="Remove" @click=${(event: Event) => revoke(device, name, tie, heldRow(event), act)}>${icons.close}</button>
    </div>
  </li>`;
}

async function trust(device: DeviceFacts, act: Act): Promise<void> {
  const name = visible(device.name);
  const isSure = await confirm({
    title: `Trust ${name}?`,
    text: "A guest may only send, and is forgotten a day after the last visit. A trusted device stays, and may also pick up what you offer it.",
    yes: "Trust it", no: "Leave it a guest",
  });
  if (isSure) await act({ t: "trust_device", device: device.device }, `${name} is trusted.`);
}

async function rename(device: DeviceFacts, act: Act): Promise<void> {
  const to = await askName("Rename", "What this device is called", device.name);
  if (to !== null) await act({ t: "rename_device", device: device.device, to }, `It is called ${visible(to)} now.`);
}

const REMOVED: Readonly<Record<Tie, string>> = {
  alone: "To send again it has to scan the code again.",
  both: "That holds at home and away from home. To send again it has to scan the code again.",
  away: "What it may do at home stays; to use it elsewhere again, it is shown how once more.",
};

async function revoke(device: DeviceFacts, name: string, tie: Tie, row: HeldRow, act: Act): Promise<void> {
  const isSure = await confirm({
    title: `Remove ${name}?`,
    text: `Its access ends at once, in the middle of a file if need be. What it has sent stays. ${REMOVED[tie]}`,
    yes: "Remove it", isGrave: true,
  });
  if (isSure && (await act({ t: "revoke_device", device: device.device }, `${name} is removed.`)) !== null) row.leaves();
}
