// Which protocol versions this program speaks, and which one two sides use.

/** Lowest and highest version spoken here. */
export const VERSIONS: readonly [number, number] = [1, 1];

/** The highest version both sides know, or null: then `goodbye version`. */
export function commonVersion(
  theirs: readonly [number, number],
  ours: readonly [number, number] = VERSIONS,
): number | null {
  const highest = Math.min(ours[1], theirs[1]);
  return highest >= Math.max(ours[0], theirs[0]) ? highest : null;
}
