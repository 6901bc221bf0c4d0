// At a meeting point: the other computers that this page knows, and the way to exchange files with a device that is no computer of one's own.
import { html, nothing, type TemplateResult } from "lit";
import { fromBase64url } from "../base64url.ts";
import { homeOf } from "../session/sinks/parts.ts";
import { PartsDatabase } from "../session/sinks/parts-database.ts";
import { confirm } from "./dialogs.ts";
import { named } from "./foreign-code.ts";
import { icons } from "./icons.ts";
import type { KeptHome } from "./kept-homes.ts";
import type { Keyring } from "./keyring.ts";
import { leaveFor } from "./leaving.ts";
import { LightElement } from "./light.ts";
import { beginSession, endSession } from "./meeting-session.ts";
import { ago } from "./numbers.ts";

/** In whose name parts are thrown away: of a computer that is forgotten, whichever page load has them. */
const FORGETS = "forgets";

export interface HomesHabits {
  /** No computer is in use on this screen. */
  readonly isMeeting: boolean;
  /** Whether what is under way here may end. */
  readonly mayLeave: () => Promise<boolean>;
  /** Tells when a computer may have been added. */
  readonly subscribe: (listener: () => void) => () => void;
}

export class Homes extends LightElement {
  readonly #keys: Keyring;
  readonly #isMeeting: boolean;
  readonly #mayLeave: () => Promise<boolean>;
  readonly #subscribe: HomesHabits["subscribe"];
  #stop = (): void => undefined;

  constructor(keys: Keyring, { isMeeting, mayLeave, subscribe }: HomesHabits) {
    super();
    this.#keys = keys;
    this.#isMeeting = isMeeting;
    this.#mayLeave = mayLeave;
    this.#subscribe = subscribe;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = this.#subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
  }

  protected override render(): TemplateResult {
    const { others } = this.#keys;
    const back = this.#isMeeting && this.#keys.hasComputer;
    const isNone = others.length === 0 && !back;
    return html`<section class="homes ${isNone ? "homes-none" : ""}" aria-label="Elsewhere">
      ${isNone ? nothing : html`<div class="list-head"><h2>${this.#isMeeting ? "Your computers" : "Other computers"}</h2></div>
        <ul role="list" class="card">${back ? this.#inUse() : nothing}${others.map((home) => this.#row(home))}</ul>`}
      ${this.#isMeeting ? nothing : html`<button type="button" class="quiet" data-meet @click=${this.#meet}>${icons.phone}<span>Exchange with another device</span></button>`}
    </section>`;
  }

  #inUse(): TemplateResult {
    const name = named(this.#keys.keptComputer);
    return html`<li class="row" data-home=${name}><span class="thumb thumb-device" aria-hidden="true">${icons.computer}</span>
      <div class="row-what"><bdi class="name">${name}</bdi><div class="row-note">used last</div></div>
      <div class="row-acts"><button type="button" class="quiet" aria-label="Use ${name}" @click=${() => this.#go(null)}>Use</button></div></li>`;
  }

  #row(home: KeptHome): TemplateResult {
    const name = named(home.computer);
    return html`<li class="row" data-home=${name}><span class="thumb thumb-device" aria-hidden="true">${icons.computer}</span>
      <div class="row-what"><bdi class="name">${name}</bdi><div class="row-note">last used ${ago(home.usedMs, Date.now())}</div></div>
      <div class="row-acts"><button type="button" class="quiet" aria-label="Use ${name}" @click=${() => this.#go(home)}>Use</button>
        <button type="button" class="round" aria-label="Forget ${name}" title="Forget" @click=${() => this.#forget(home)}>${icons.close}</button></div></li>`;
  }

  async #go(home: KeptHome | null): Promise<void> {
    if (!(await this.#mayLeave())) return;
    if (home !== null) this.#keys.use(home);
    endSession();
    leaveFor("/");
  }

  readonly #meet = async (): Promise<void> => {
    if (await this.#mayLeave()) beginSession();
  };

  async #forget(home: KeptHome): Promise<void> {
    const name = named(home.computer);
    const isSure = await confirm({
      title: `Forget ${name}?`,
      text: `This page reaches ${name} no more until you scan a code of it again. What you sent stays there. To end what this device may do, remove it on the computer.`,
      yes: "Forget it", isGrave: true,
    });
    const key = fromBase64url(home.key);
    if (isSure) this.#keys.forget(home);
    if (isSure && key !== null) new PartsDatabase(FORGETS).of(homeOf(key)).clear();
    this.requestUpdate();
  }
}

customElements.define("known-homes", Homes);
