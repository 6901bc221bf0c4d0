// Settings on the owner page: each in plain words, changed at once, and what cannot be used said beside it.
import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { SettingFacts } from "../protocol/messages.ts";
import { icons } from "./icons.ts";
import { VerbRefused } from "./line.ts";
import { LineElement } from "./light.ts";
import { visible } from "./names.ts";
import { GROUPS, type SettingGroup, shownSetting, type SettingWords } from "./setting-words.ts";

interface Said {
  readonly name: string;
  readonly text: string;
  readonly isGood: boolean;
}

export class OwnerSettings extends LineElement {
  #settings: ReadonlyMap<string, SettingFacts> | null = null;
  #isOpen = false;
  #busy: string | null = null;
  #said: Said | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#cameBack);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#cameBack);
  }

  /** The file may have been edited meanwhile. */
  readonly #cameBack = (): void => {
    if (this.#isOpen && document.visibilityState === "visible") void this.#load();
  };

  readonly #toggled = (event: Event): void => {
    this.#isOpen = (event.currentTarget as HTMLDetailsElement).open;
    if (this.#isOpen) void this.#load();
  };

  async #load(): Promise<void> {
    try {
      this.#take(await this.line.ask({ t: "get_settings" }));
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      this.#said = { name: "", text: problem.message, isGood: false };
      this.requestUpdate();
    }
  }

  #take(facts: Awaited<ReturnType<typeof this.line.ask>>): void {
    if (facts.t === "settings_facts") this.#settings = new Map(facts.settings.map((one) => [one.name, one]));
    this.requestUpdate();
  }

  /** Null: back to what counts where nobody says anything. */
  async #change(name: string, value: string | null): Promise<void> {
    if (this.#busy !== null) return;
    this.#busy = name;
    this.#said = null;
    this.requestUpdate();
    try {
      this.#take(await this.line.ask({ t: "change_setting", name, ...(value === null ? {} : { value }) }));
      this.#said = { name, text: value === null ? "Back to the default. It counts from now on." : "Saved. It counts from now on.", isGood: true };
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      this.#said = { name, text: problem.message, isGood: false };
    } finally {
      this.#busy = null;
      this.requestUpdate();
    }
  }

  protected override render(): TemplateResult {
    return html`<section class="panel settings" aria-label="Settings">
      <details class="card" @toggle=${this.#toggled}>
        <summary><h2>Settings</h2><span class="quiet-text">Name, folder, whose files come in, away from home</span></summary>
        ${this.#said !== null && this.#said.name === "" ? html`<p class="setting-said stop" role="alert">${icons.warn}<span>${this.#said.text}</span></p>` : nothing}
        ${this.#settings === null ? html`<p class="setting-group quiet-text">One moment…</p>` : html`${GROUPS.map((group) => this.#group(group))}${this.#inTheFile()}`}
      </details>
    </section>`;
  }

  #group({ title, note, basis, settings }: SettingGroup): TemplateResult {
    const isIdle = basis !== undefined && this.#settings?.get(basis.name)?.value === "";
    const said = isIdle ? basis.note : note;
    return html`<div class="setting-group"><h3>${title}</h3>${said === undefined ? nothing : html`<p class="quiet-text">${said}</p>`}
      ${Object.entries(settings).map(([name, words]) => {
        const facts = this.#settings?.get(name);
        const isDead = isIdle && name !== basis.name && facts?.source === "default";
        return facts === undefined || isDead ? nothing : this.#setting(facts, words);
      })}</div>`;
  }

  #setting(facts: SettingFacts, words: SettingWords): TemplateResult {
    const { name, value } = facts;
    const said = this.#said?.name === name ? this.#said : null;
    return html`<details class="setting" name="setting" data-setting=${name}>
      <summary><span>${words.label}</span><bdi class="setting-value">${visible(shownSetting(words, value))}</bdi></summary>
      <div class="setting-body"><p class="quiet-text">${words.text}</p>
        ${facts.is_fixed ? html`<p class="setting-said wait">${icons.lock}<span>${facts.source} was given when qrshared was started, and is stronger than this page.</span></p>` : words.choices ? this.#choice(facts, words) : this.#field(facts, words)}
        ${facts.is_fixed === true || facts.source === "default" ? nothing : html`<button type="button" class="quiet" ?disabled=${this.#busy === name} @click=${() => this.#change(name, null)}>Back to the default: <bdi>${visible(defaultOf(facts, words))}</bdi></button>`}
        ${said === null ? nothing : html`<p class="setting-said ${said.isGood ? "go" : "stop"}" role=${said.isGood ? "status" : "alert"}>${said.isGood ? icons.check : icons.warn}<span>${said.text}</span></p>`}
      </div></details>`;
  }

  #choice({ name, value, choices = [] }: SettingFacts, words: SettingWords): TemplateResult {
    return html`<fieldset class="lives" aria-label=${words.label}>${choices.map((one) => html`<label>
      <input type="radio" name="setting-${name}" value=${one} .checked=${live(one === value)} @change=${() => this.#change(name, one)}><span>${words.choices?.[one] ?? one}</span></label>`)}</fieldset>`;
  }

  #field({ name, value }: SettingFacts, words: SettingWords): TemplateResult {
    const send = (event: SubmitEvent): void => {
      event.preventDefault();
      const input = (event.currentTarget as HTMLFormElement).elements.namedItem("value") as HTMLInputElement;
      void this.#change(name, input.value);
    };
    return html`<form class="setting-form" @submit=${send}>
      <label><span class="heard-only">${words.label}</span><input type="text" name="value" autocomplete="off" autocapitalize="off" spellcheck="false" dir="auto" maxlength="4000" .value=${value}></label>
      ${words.unit === undefined ? nothing : html`<span class="quiet-text">${words.unit}</span>`}
      <button class="button" ?disabled=${this.#busy === name}>Save</button>
      ${words.hint === undefined ? nothing : html`<p class="setting-hint quiet-text">${words.hint}</p>`}
    </form>`;
  }

  /** What only a start reads, and what nobody should change with a click. */
  #inTheFile(): TemplateResult {
    const known = new Set(GROUPS.flatMap(({ settings }) => Object.keys(settings)));
    const others = [...(this.#settings?.values() ?? [])].filter(({ name }) => !known.has(name));
    return html`<div class="setting-group"><details class="setting"><summary><span>Only in the file</span><span class="setting-value">config.toml</span></summary>
      <div class="setting-body"><p class="quiet-text">These stand in config.toml in the data folder; <code>qrshared config path</code> says where that is.</p>
      <dl class="setting-file">${others.map((one) => html`<div><dt><code>${one.name}</code></dt><dd><b>${one.value === "" ? one.default : one.value}</b> ${one.text}${one.needs_restart ? " Counts when qrshared next starts." : ""}</dd></div>`)}</dl></div></details></div>`;
  }
}

/** The default as the screen says it: in this program's words where it is a value, else as the table explains it. */
function defaultOf({ default: value }: SettingFacts, words: SettingWords): string {
  return value.startsWith("none") ? (words.none ?? value) : shownSetting(words, value);
}

customElements.define("owner-settings", OwnerSettings);
