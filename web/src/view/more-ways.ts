// Beneath the one big button: a photo taken now, a note or link, a whole folder.
import { html, nothing, type TemplateResult } from "lit";
import type { Picked } from "../session/bridge.ts";
import { choosesFolders, chooseFolder, hasCamera, takePhoto } from "./camera.ts";
import type { Device } from "./device.ts";
import { openSheet } from "./dialogs.ts";
import { type Gathered, troubleOf } from "./drop-folder.ts";
import { icons } from "./icons.ts";
import type { Phase } from "./store.ts";
import { askNote } from "./text-note.ts";

const OFFERED: ReadonlySet<Phase> = new Set(["ready", "connecting", "done", "partly", "declined"]);

export type Send = (picked: readonly Picked[]) => void;

export function moreWays(phase: Phase, device: Device, computer: string, send: Send): TemplateResult | typeof nothing {
  if (!OFFERED.has(phase)) return nothing;
  return html`<div class="ways" role="group" aria-label="Other things to send">
    ${hasCamera(device) ? html`<button type="button" class="quiet" @click=${() => void takePhoto().then(send)}>${icons.camera}<span>Camera</span></button>` : nothing}
    <button type="button" class="quiet" @click=${() => void sendNote(computer, send)}>${icons.note}<span>Note or link</span></button>
    ${choosesFolders() ? html`<button type="button" class="quiet" @click=${() => void chooseFolder().then((found) => sendGathered(found, send))}>${icons.folder}<span>Folder</span></button>` : nothing}
  </div>`;
}

export async function sendNote(computer: string, send: Send, text: string = ""): Promise<void> {
  const note = await askNote(computer, text);
  if (note !== null) send([note]);
}

/** Sends what there is and says what stays behind. */
export function sendGathered(found: Gathered, send: Send): void {
  const trouble = troubleOf(found);
  if (trouble !== null) {
    void openSheet(trouble.title, (close) => html`<p class="sheet-text">${trouble.text}</p>
      <div class="sheet-actions"><button type="button" class="button primary" autofocus @click=${() => close("")}>All right</button></div>`, "sheet-question");
  }
  if (found.picked.length > 0) send(found.picked);
}
