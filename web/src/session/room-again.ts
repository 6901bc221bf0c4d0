// What did not fit on the computer's disk is offered once more, until it does: the computer says at once whether it does by now.
import type { Clock } from "./clock.ts";
import type { Row } from "./picks.ts";

const ROOM_AGAIN_S = 60;

export class RoomAgain {
  readonly #clock: Clock;
  readonly #offer: () => boolean;
  #isPlanned = false;

  /** `offer` tries what did not fit; false: nothing can be offered now, so ask again later. */
  constructor(clock: Clock, offer: () => boolean) {
    this.#clock = clock;
    this.#offer = offer;
  }

  plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#clock.after(ROOM_AGAIN_S, () => {
      this.#isPlanned = false;
      if (!this.#offer()) this.plan();
    });
  }
}

/** Those of the rows that go into so many bytes together, the first ones first. */
export function fitting(rows: readonly Row[], free: number): readonly Row[] {
  let left = free;
  return rows.filter(([, { file }]) => {
    if (file.size > left) return false;
    left -= file.size;
    return true;
  });
}
