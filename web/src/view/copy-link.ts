// A link to take along where no camera can be pointed: copied, or shown to be copied by hand.
import { html, type TemplateResult } from "lit";

export function copyLink(url: () => string): TemplateResult {
  const copy = (event: Event): void => {
    const button = event.target as HTMLButtonElement;
    // Without a secure context there is no clipboard: then the link is shown.
    const write = navigator.clipboard?.writeText(url()) ?? Promise.reject(new Error("no clipboard"));
    write.then(() => (button.textContent = "Copied"), () => (button.textContent = url()));
  };
  return html`<p class="add-link"><button type="button" class="quiet" @click=${copy}>Copy as a link</button></p>`;
}
