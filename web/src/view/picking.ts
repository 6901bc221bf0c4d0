// From the system's picker to what the worker sends.
import type { Picked } from "../session/bridge.ts";

export function fromInput(input: HTMLInputElement): readonly Picked[] {
  const picked = Array.from(input.files ?? [], (file) => ({ file, path: file.webkitRelativePath || file.name }));
  input.value = ""; // the same file may be chosen again
  return picked;
}

export function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
