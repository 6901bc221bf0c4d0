// The two answers to "This goes through your relay", and the way out of the first one.
import { html, type TemplateResult } from "lit";
import { icons } from "./icons.ts";

export function relayActions(phase: "asked" | "held", answer: (sendNow: boolean) => void, more: TemplateResult): TemplateResult {
  if (phase === "held") {
    return html`<div class="actions"><button type="button" class="button" @click=${() => answer(true)}>${icons.up}<span>Send now</span></button>${more}</div>`;
  }
  return html`<div class="actions">
    <button type="button" class="button" @click=${() => answer(true)}>${icons.up}<span>Send now</span></button>
    <button type="button" class="button primary" @click=${() => answer(false)}>${icons.home}<span>Wait for home Wi-Fi</span></button></div>`;
}
