// Where who goes by keyboard goes on when the row they were in is drawn anew, or leaves its list.

/** A computer tells its new list a moment after it has carried something out. */
const TOLD_MS_MAX = 10_000;

type Find = () => HTMLElement | null | undefined;

/** A row in which a button was pressed, known before it is acted upon: afterwards it may be gone. */
export interface HeldRow {
  /** Another row stands for it: the same button there is next. */
  becomes(isIt: (row: HTMLElement) => boolean): void;
  /** It has left: the same button of the row after it is next, or of the one before; in an empty list the panel's own. */
  leaves(): void;
}

export function heldRow(event: Event): HeldRow {
  const button = event.currentTarget as HTMLElement;
  const row = button.closest("li");
  const panel = button.closest("section");
  if (row === null || panel === null) return { becomes: () => undefined, leaves: () => undefined };
  const same = (other: Element | null | undefined): HTMLElement | null =>
    other?.isConnected === true ? ([...other.querySelectorAll("button")].find(({ title }) => title === button.title) ?? null) : null;
  const beside = [row.nextElementSibling, row.previousElementSibling];
  return {
    becomes: (isIt) => goOn(row, () => same([...panel.querySelectorAll("li")].find(isIt))),
    leaves: () => goOn(row, () => same(beside[0]) ?? same(beside[1]) ?? panel.querySelector("button")),
  };
}

/** Once `row` is gone, and with it the focus; who has gone elsewhere meanwhile stays there. */
function goOn(row: HTMLElement, find: Find): void {
  const look = (): void => {
    if (row.isConnected) return;
    if (document.activeElement !== null && document.activeElement !== document.body) return stop();
    const found = find();
    if (found == null) return;
    stop();
    found.focus();
  };
  const watch = new MutationObserver(look);
  const timer = setTimeout(() => watch.disconnect(), TOLD_MS_MAX);
  const stop = (): void => {
    watch.disconnect();
    clearTimeout(timer);
  };
  watch.observe(document.body, { childList: true, subtree: true });
  look();
}
