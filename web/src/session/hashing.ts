// SHA-256 in steps, for what arrives: a page on an insecure origin has no other, and nowhere does the browser offer steps.
import { sha256 } from "@noble/hashes/sha2.js";
import type { Hasher } from "./taking.ts";

export function sha256Hasher(): Hasher {
  const hash = sha256.create();
  return {
    update: (bytes) => void hash.update(bytes),
    end: () => Array.from(hash.digest(), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}
