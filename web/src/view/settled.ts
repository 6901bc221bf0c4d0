// Tells a button that has stood in its place for a moment from one that came beneath the finger just now.

/** A tap on its way takes less: what moves up when a question above it is withdrawn must not get that one's answer. */
export const SETTLED_MS = 600;

export class Settled {
  #places = new Map<string, { readonly place: number; readonly sinceMs: number }>();

  /** These are shown now, in this order. */
  see(ids: readonly string[], nowMs: number): void {
    const before = this.#places;
    this.#places = new Map(ids.map((id, place) => {
      const known = before.get(id);
      return [id, known?.place === place ? known : { place, sinceMs: nowMs }];
    }));
  }

  /** Whether it has been where it is for long enough to be what was meant. */
  has(id: string, nowMs: number): boolean {
    const known = this.#places.get(id);
    return known !== undefined && nowMs - known.sinceMs >= SETTLED_MS;
  }
}
