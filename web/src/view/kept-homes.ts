// Computers that this browser may reach at one meeting point and does not use at present: up to seven beside the one in use.
// The one in use has its place in the keyring; here the others wait, the last used first.

/** Computers known at one address, the one in use among them. */
export const HOMES_MAX = 8;

const HOMES = "qrshared/1 homes";
const NAME_CHARACTERS_MAX = 200;

export interface KeptHome {
  /** Its key, in base64url: by this it is told from others, for two computers may have one name. */
  readonly key: string;
  /** By which code it came, in a form that is no code. */
  readonly code: string | null;
  readonly computer: string | null;
  readonly usedMs: number;
}

/** Runs one storage access; a browser that forbids it gives `fallback`. */
export function tried<Value>(access: () => Value, fallback: Value): Value {
  try {
    return access();
  } catch {
    return fallback;
  }
}

export function keptHomes(): readonly KeptHome[] {
  const read: unknown = tried(() => JSON.parse(localStorage.getItem(HOMES) ?? "[]"), []);
  return Array.isArray(read) ? read.filter(isHome).slice(0, HOMES_MAX - 1) : [];
}

/** Puts it before the others; the one that was used the longest ago gives way when there are too many. */
export function keepHome(home: KeptHome): void {
  write([home, ...keptHomes().filter(({ key }) => key !== home.key)].slice(0, HOMES_MAX - 1));
}

export function forgetHome(key: string): void {
  write(keptHomes().filter((home) => home.key !== key));
}

/** It calls itself so from now on. */
export function renameHome(key: string, computer: string): void {
  write(keptHomes().map((home) => (home.key === key ? { ...home, computer } : home)));
}

function write(homes: readonly KeptHome[]): void {
  tried(() => (homes.length === 0 ? localStorage.removeItem(HOMES) : localStorage.setItem(HOMES, JSON.stringify(homes))), undefined);
}

function isHome(read: unknown): read is KeptHome {
  if (typeof read !== "object" || read === null || !("key" in read && "code" in read && "computer" in read && "usedMs" in read)) return false;
  const { key, code, computer, usedMs } = read;
  return typeof key === "string" && /^[A-Za-z0-9_-]{43}$/.test(key) && (code === null || typeof code === "string")
    && (computer === null || (typeof computer === "string" && computer.length <= NAME_CHARACTERS_MAX)) && typeof usedMs === "number";
}
