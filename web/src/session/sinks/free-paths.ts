// Paths of one tree as they are saved: no two alike, also where capitals or the spelling of an accent count for nothing.
import { numbered, savedPath } from "./names.ts";

/** A folder that was given a number keeps it for all that is in it; no file has the name of a folder. */
export class FreePaths {
  readonly #taken = new Set<string>();
  readonly #folders = new Map<string, string>();
  readonly #last = new Map<string, number>();

  /** A free one for the file, or the empty folder, at this path. */
  of(path: string): string {
    const parts = path.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
    const saved = savedPath(path);
    let before = "";
    let above = "";
    for (const [depth, folder] of saved.slice(0, -1).entries()) {
      before += `${parts[depth] ?? folder}/`;
      const known = this.#folders.get(before) ?? `${this.#free(above, folder)}/`;
      this.#folders.set(before, known);
      above = known;
    }
    return this.#free(above, saved.at(-1) ?? "");
  }

  #free(above: string, part: string): string {
    const wanted = folded(above + part);
    let n = (this.#last.get(wanted) ?? 0) + 1;
    let free = above + (n === 1 ? part : numbered(part, n));
    for (; this.#taken.has(folded(free)); free = above + numbered(part, n)) n += 1;
    this.#last.set(wanted, n); // thousands that are alike are not counted from one each time
    this.#taken.add(folded(free));
    return free;
  }
}

/** Equal for names that some file system takes for the same one. */
function folded(path: string): string {
  return path.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
