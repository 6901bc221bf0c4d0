// The one line to a meeting point that a visit keeps while it is needed: the worker's side of `dialAway`.
import type { AwayPorts } from "./away-link.ts";
import { EdgeLine } from "./away.ts";
import type { AwayDialled } from "./dialler.ts";

export class AwayDial {
  readonly #ports: AwayPorts;
  #line: { readonly edge: string; readonly to: EdgeLine } | null = null;

  constructor(ports: AwayPorts) {
    this.#ports = ports;
  }

  /** See `DiallerPorts.dialAway`. */
  readonly dial = (edge: string, secret: Uint8Array, signal: AbortSignal, relayless = false): Promise<AwayDialled> => {
    if (this.#line?.edge !== edge) {
      this.hangUp();
      this.#line = { edge, to: new EdgeLine(edge, this.#ports) };
    }
    return this.#line.to.call(secret, signal, relayless);
  };

  /** Links that are open stay. */
  readonly hangUp = (): void => {
    this.#line?.to.close();
    this.#line = null;
  };

  wake(): void {
    this.#line?.to.wake();
  }
}
