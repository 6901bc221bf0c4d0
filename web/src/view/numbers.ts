// Numbers as a person reads them: digits in the browser's language, words in English.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"] as const;

export function count(n: number): string {
  return whole.format(n);
}

/** `1 file`, `3 files`, `1,204 photos`. */
export function counted(n: number, one: string, many: string = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Decimal units, as phones and file managers count them: `2.1 GB`, `240 kB`, `0 bytes`. */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return counted(Math.round(value), "byte");
  return `${(value < 9.95 ? tenths : whole).format(value)}\u00a0${UNITS[unit]}`; // number and unit stay on one line
}

export function rate(bytesPerSecond: number): string {
  return `${size(bytesPerSecond)}/s`;
}

/** Whole percent, rounded down: 100 is said only when nothing is missing. */
export function percent(done: number, all: number): number {
  if (all <= 0) return 0;
  return Math.min(100, Math.max(0, Math.floor((done / all) * 100)));
}

/** Rounded so far that it does not flicker: `a few seconds`, `about 40 seconds`, `about 3 minutes`, `about 2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 5) return "a few seconds";
  if (seconds < 52.5) return `about ${count(Math.max(5, Math.round(seconds / 5) * 5))} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${counted(Math.max(1, minutes), "minute")}`;
  const tens = Math.round(minutes / 10) * 10;
  const rest = tens % 60;
  return `about ${count(Math.floor(tens / 60))} h${rest > 0 ? ` ${count(rest)} min` : ""}`;
}

/** For something that runs down before one's eyes: `14:05`. */
export function countdown(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** A time to come: the hour, with its day where that is not today. */
export function until(thenMs: number, nowMs: number): string {
  const then = new Date(thenMs);
  const hour = then.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return then.toDateString() === new Date(nowMs).toDateString() ? hour : `${then.toLocaleDateString(undefined, { day: "numeric", month: "numeric" })}, ${hour}`;
}

/** When something was, seen from now (both in ms since 1970): `just now`, `5 minutes ago`, or the date. */
export function ago(thenMs: number, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - thenMs) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${counted(Math.floor(seconds / 60), "minute")} ago`;
  if (seconds < 86_400) return `${counted(Math.floor(seconds / 3600), "hour")} ago`;
  if (seconds < 7 * 86_400) return `${counted(Math.floor(seconds / 86_400), "day")} ago`;
  return new Date(thenMs).toLocaleDateString(undefined, { year: "numeric", month: "numeric", day: "numeric" });
}
