/** Bytes in text: base64url without padding. */

const CHARACTERS_AT_ONCE = 1 << 13; // what one call may take as arguments in any engine

export function toBase64url(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHARACTERS_AT_ONCE) binary += String.fromCharCode(...bytes.subarray(at, at + CHARACTERS_AT_ONCE));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes so spelled; null when it is misspelt. One value has one spelling: unused bits of the last character are zeros. */
export function fromBase64url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  return toBase64url(bytes) === text ? bytes : null;
}
