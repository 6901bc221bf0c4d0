// Words with a hyphen in them stay in one line where there is room: "Wi-Fi", and the names of many computers.
import { html, type TemplateResult } from "lit";

const HYPHENED = /((?<!\S)\S{1,12}-\S{1,12}(?!\S))/u;

export function whole(text: string): readonly (string | TemplateResult)[] {
  return text.split(HYPHENED).map((piece, index) => (index % 2 === 1 ? html`<span class="whole">${piece}</span>` : piece));
}
