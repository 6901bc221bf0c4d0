// A code that came to a page which knows a computer already: it leads there only after a person here has said so.
import { confirm } from "./dialogs.ts";
import type { Keyring } from "./keyring.ts";
import { visible } from "./names.ts";
import { UNNAMED_ELSEWHERE } from "./words.ts";

/** Before anything is asked of the code's computer: nothing is enrolled, and no key replaced, without a tap. */
export async function settleCode(keys: Keyring): Promise<void> {
  if (keys.isUsedCode) return keys.dropCode(); // the same one again: its key is here
  if (!keys.isForeignCode) return;
  const kept = keys.keptComputer === null ? UNNAMED_ELSEWHERE : visible(keys.keptComputer);
  const isWanted = await confirm({
    title: "Use another computer from now on?",
    text: `The code that was opened may lead to another computer than ${kept}. If you did not scan it just now, keep ${kept}.`,
    yes: "Use the code", no: `Keep ${kept}`, isSudden: true,
  });
  if (!isWanted) keys.dropCode();
}
