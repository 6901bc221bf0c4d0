// What a meeting point shows to a device that no computer knows: how to get to one.
import { html, type TemplateResult } from "lit";
import { connectHome } from "./connect-home.ts";
import { icons, mark } from "./icons.ts";
import { LightElement } from "./light.ts";

export class MeetPage extends LightElement {
  protected override render(): TemplateResult {
    return html`<div class="phone"><header class="head">${mark}<div class="head-what"><b>Meeting point</b></div></header>
      <main><section class="hero" data-phase="ready"><div class="hero-picture">${icons.globe}</div>
        <div role="status"><h1 class="hero-title">Devices find each other here.</h1></div>
        <p class="hero-more">It introduces them and never sees a file, a name or a code.</p></section>
        ${connectHome()}</main></div>`;
  }
}

customElements.define("meet-page", MeetPage);
