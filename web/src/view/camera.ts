// The system's camera and its picker of folders: an input that exists only while it is asked.
import type { Picked } from "../session/bridge.ts";
import type { Device } from "./device.ts";
import { fromFolderInput, type Gathered } from "./drop-folder.ts";
import { named } from "./paste.ts";

/** Computers have cameras too, but nobody photographs with a laptop what is to be sent. */
export function hasCamera({ kind }: Device): boolean {
  return kind === "phone" || kind === "tablet";
}

/** Browsers without it would open their picker of files and ignore what was meant. */
export function choosesFolders(): boolean {
  return "webkitdirectory" in HTMLInputElement.prototype;
}

/** One tap to the camera; null when no photo was taken. Called at the tap: nothing else may open it. */
export async function takePhoto(): Promise<readonly Picked[]> {
  const files = await ask((input) => {
    input.accept = "image/*";
    input.setAttribute("capture", "environment");
  });
  const at = new Date();
  // A camera's own names are numbers, or "image" each time.
  return files.map((file, n) => ({ file, path: named(file, "Photo", at, n, true) }));
}

/** A folder with all that is in it. Called at the tap. */
export async function chooseFolder(): Promise<Gathered> {
  return fromFolderInput(await ask((input) => (input.webkitdirectory = true)));
}

/** iPhones forget an input that is not in the document while its picker is open. */
function ask(prepare: (input: HTMLInputElement) => void): Promise<readonly File[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.className = "heard-only";
  input.tabIndex = -1;
  input.ariaHidden = "true";
  prepare(input);
  return new Promise((resolve) => {
    const end = (): void => {
      input.remove();
      resolve(Array.from(input.files ?? []));
    };
    input.addEventListener("change", end);
    input.addEventListener("cancel", end);
    document.body.append(input);
    input.click();
  });
}
