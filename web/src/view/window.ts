// Which rows of a long list are worth drawing: pure arithmetic over measured and guessed heights.

export interface Visible {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
  /** Heights of what is left out, in pixels. */
  readonly before: number;
  readonly after: number;
}

/** `top` and `bottom` bound what can be seen, in pixels from the list's own start; they may lie outside of it. */
export function visibleRows(heights: readonly number[], top: number, bottom: number): Visible {
  let first = 0;
  let before = 0;
  while (first < heights.length && before + (heights[first] ?? 0) <= top) {
    before += heights[first] ?? 0;
    first += 1;
  }
  let end = first;
  let edge = before;
  while (end < heights.length && edge < bottom) {
    edge += heights[end] ?? 0;
    end += 1;
  }
  let after = 0;
  for (let index = end; index < heights.length; index += 1) after += heights[index] ?? 0;
  return { first, end, before, after };
}
