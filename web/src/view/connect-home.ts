// How a device that no computer knows yet gets to one: by its code.
import { html, type TemplateResult } from "lit";
import { icons } from "./icons.ts";

export function connectHome(): TemplateResult {
  return html`<section class="connect-home card" aria-label="Connect to a home computer">
    ${icons.computer}
    <div><h2>Connect this device to a home computer: scan its code</h2>
      <p>On the computer, open “Add my phone” and choose “From anywhere”, or run <code>qrshared qr --remote</code>. Then point this device’s camera at the code.</p></div>
  </section>`;
}
