// What a worker might tell, in short words, and the page's state after it.
import type { ItemView, LinkView, TotalView, Update } from "../../src/session/bridge.ts";
import { deviceOf } from "../../src/view/device.ts";
import { begin, fold, type ViewState } from "../../src/view/store.ts";

export const START = { monoMs: 0, wallMs: 1_800_000_000_000 };
export const LAPTOP = deviceOf({ userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140", touchPoints: 0, screenSide: 1080 });
export const OPEN: Extract<LinkView, { state: "open" }> = { state: "open", computer: "STUDY-PC", grant: { rights: ["send"] }, words: null, road: "home" };

export function item(id: number, state: ItemView["state"], more: Partial<ItemView> = {}): ItemView {
  return { id, name: `${id}.jpg`, size: 100, done: 0, state, reason: null, finalName: null, preparing: false, ...more };
}

export function total(state: TotalView["state"], items: number, more: Partial<TotalView> = {}): Update {
  const none = { done: 0, failed: 0, bytes: items * 100, bytesDone: 0, bytesSafe: 0, rate: 0, leftS: null };
  return { t: "total", total: { ...none, state, items, ...more } };
}

export const link = (view: LinkView): Update => ({ t: "link", link: view });
export const items = (...changed: ItemView[]): Update => ({ t: "items", changed, gone: [] });

export function play(...updates: Update[]): ViewState {
  return updates.reduce((state, update) => fold(state, update, START), begin(START, null));
}

export const plain = (text: string): string => text.replaceAll("\u00a0", " ");
