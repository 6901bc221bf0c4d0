/** The seal: who is at the other end of a link, and a lock that nobody on the way can open. Bytes in, bytes out. */
// `cipher-sodium.ts` is not named here on purpose: it is loaded when bulk comes, not with the page.

export { type Cipher } from "./cipher.ts";
export { nobleCipher } from "./cipher-noble.ts";
export {
  ENVELOPE_BYTES_MAX,
  ENVELOPE_PLAINTEXT_BYTES_MAX,
  Envelopes,
  type Hello,
  type Role,
  encodeHello,
  parseHello,
} from "./envelopes.ts";
export { type Refusal, Refused, SealError, type SealFault, SealMisused } from "./errors.ts";
export { type Found, Initiator, Responder, type RoadName, refusalMessage } from "./handshake.ts";
export { asSecret, ascii, type Keys, deriveKeys, hkdfExpand, lv, parseLv, sameBytes, secretFromFragment, ticketFragment } from "./keys.ts";
export { knownProof } from "./known.ts";
export { PLAINTEXT_BYTES_MAX, Sealed, type SealedKeys } from "./sealed.ts";
export { comparisonWords } from "./words.ts";
