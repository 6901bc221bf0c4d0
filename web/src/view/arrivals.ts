// What is arriving, in one sentence of kinds and counts: a wall is read by anyone who walks past, so it never names a file.
import type { ArrivalFacts } from "../protocol/messages.ts";
import { count, counted } from "./numbers.ts";

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

function kinds({ photos, videos, others }: ArrivalFacts): string {
  const parts: string[] = [];
  if (photos > 0) parts.push(counted(photos, "photo"));
  if (videos > 0) parts.push(counted(videos, "video"));
  if (others > 0) parts.push(counted(others, parts.length > 0 ? "other file" : "file"));
  return listed(parts);
}

/** `isBusy`: something moves right now. */
export function arrivalSentence(arrivals: ArrivalFacts): { readonly text: string; readonly isBusy: boolean } {
  const { senders, arriving, landed } = arrivals;
  if (senders === 0) {
    return { text: landed === 0 ? "Ready. Nothing is on its way." : `${counted(landed, "file")} arrived. Ready for more.`, isBusy: false };
  }
  const who = senders === 1 ? "Somebody is sending" : `${count(senders)} people are sending`;
  const what = kinds(arrivals) || (arriving > 0 ? counted(arriving, "file") : "files");
  return { text: `${who} ${what}${landed > 0 ? `, ${count(landed)} already here` : ""}`, isBusy: true };
}
