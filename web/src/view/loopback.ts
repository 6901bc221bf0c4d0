// Whether an address is this computer's own: nobody else reaches it there, and nothing on the way there can be read.

/** `host` with or without a port. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/i.test(host);
}
