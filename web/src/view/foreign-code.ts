// A code that came to a page which knows a computer already: it leads there only after a person here has said so.
import { confirm, type Question } from "./dialogs.ts";
import { HOMES_MAX, type KeptHome } from "./kept-homes.ts";
import type { Keyring } from "./keyring.ts";
import { visible } from "./names.ts";
import { UNNAMED_ELSEWHERE } from "./words.ts";

/** Before anything is asked of the code's computer: nothing is enrolled, and no key laid aside, without a tap. */
export async function settleCode(keys: Keyring): Promise<void> {
  if (keys.isUsedCode) return keys.dropCode(); // the same one again: its key is here
  if (!keys.isForeignCode) return;
  const known = keys.otherOfCode;
  const isWanted = await confirm(keys.hasComputer ? besideOne(keys, known) : besideNone(known));
  if (isWanted && known === null) return;
  keys.dropCode();
  if (isWanted && known !== null) keys.use(known);
}

/** A computer is in use. */
function besideOne(keys: Keyring, known: KeptHome | null): Question {
  const kept = named(keys.keptComputer);
  if (known === null) {
    return { title: "Use another computer from now on?", text: `The code that was opened may lead to another computer than ${kept}. If you did not scan it just now, keep ${kept}. ${whatStays(keys, kept)}`, yes: "Use the code", no: `Keep ${kept}`, isSudden: true };
  }
  return { title: `Use ${named(known.computer)} from now on?`, text: `The code that was opened is the one of ${named(known.computer)}, which this page knows. ${kept} stays in the list of computers.`, yes: `Use ${named(known.computer)}`, no: `Keep ${kept}`, isSudden: true };
}

/** The one that was in use has ended this device's access, or was forgotten; others are known. */
function besideNone(known: KeptHome | null): Question {
  if (known === null) {
    return { title: "Use the computer of this code?", text: "The code that was opened may lead to a computer that this page does not know yet. If you did not scan it just now, leave it.", yes: "Use the code", no: "Leave it", isSudden: true };
  }
  return { title: `Use ${named(known.computer)} from now on?`, text: `The code that was opened is the one of ${named(known.computer)}, which this page knows.`, yes: `Use ${named(known.computer)}`, no: "Leave it", isSudden: true };
}

/** Nothing is replaced without a word. */
function whatStays({ others }: Keyring, kept: string): string {
  const last = others.at(-1);
  if (last === undefined || others.length < HOMES_MAX - 1) return `Otherwise both stay: ${kept} is one tap away, in the list of computers.`;
  return `${kept} stays in the list of computers; ${named(last.computer)}, which was not used for the longest time, leaves it.`;
}

export function named(computer: string | null): string {
  return computer === null ? UNNAMED_ELSEWHERE : visible(computer);
}
