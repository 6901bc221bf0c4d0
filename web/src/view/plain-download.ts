// The download that a person taps as "not encrypted": its path comes from the computer, its origin is this page's own.

/** The path of a plain download; null for anything that is none: no word of a computer leads this page elsewhere. */
export function plainPath(url: string): string | null {
  const { pathname } = URL.canParse(url) ? new URL(url) : { pathname: "" };
  return /^\/get\/[A-Za-z0-9_-]{22}$/.test(pathname) ? pathname : null;
}

/** Lets the browser fetch it; false when it is no such address. */
export function beginPlainDownload(url: string): boolean {
  const path = plainPath(url);
  if (path === null) return false;
  const link = document.createElement("a");
  link.href = path;
  link.rel = "noreferrer";
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  return true;
}
