// What this browser is: the name and kind it introduces itself with, and whether it is one that forgets.
import type { Kind } from "../protocol/messages.ts";

export interface Device {
  readonly kind: Kind;
  readonly name: string;
  readonly isApple: boolean;
  /** A page inside another app: it has its own storage, and often no way to download. */
  readonly isInsideApp: boolean;
  /** It may stop when the screen goes off. */
  readonly sleeps: boolean;
  /** The page lies over a wall that others use, too. */
  readonly isOnWall?: boolean;
}

/** What tells browsers apart, so that tests can say it. */
export interface Traits {
  readonly userAgent: string;
  readonly touchPoints: number;
  /** The smaller side of the screen in CSS pixels. */
  readonly screenSide: number;
}

const PHONE_SIDE = 600;
// Apps that open links in a window of their own. What they send is not a standard; each token is the app's own.
const APPS = /\b(FBAN|FBAV|FB_IAB|Instagram|Line\/|MicroMessenger|GSA\/|Snapchat|Pinterest|LinkedInApp|TikTok|musical_ly|Twitter)\b/i;

export function traits(): Traits {
  return {
    userAgent: navigator.userAgent,
    touchPoints: navigator.maxTouchPoints,
    screenSide: Math.min(screen.width, screen.height),
  };
}

export function deviceOf({ userAgent, touchPoints, screenSide }: Traits): Device {
  const isPad = /iPad/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1); // an iPad says it is a Mac
  const isApple = isPad || /iPhone|iPod/.test(userAgent);
  const isAndroid = /Android/.test(userAgent);
  const isPhone = /iPhone|iPod|Android.*Mobile|Mobile.*Firefox/.test(userAgent) || (!isPad && screenSide < PHONE_SIDE);
  const kind: Kind = isPhone ? "phone" : isPad || isAndroid ? "tablet" : "laptop";
  // A web view inside an app leaves out "Safari/" on iOS and adds "wv" on Android. A scanner that uses the system's
  // in-app Safari cannot be told from Safari by anything a page may read.
  const isInsideApp = (isApple && !/Safari\//.test(userAgent)) || (isAndroid && /; wv\)/.test(userAgent)) || APPS.test(userAgent);
  return { kind, name: nameOf(userAgent, isPad, isPhone, isAndroid), isApple, isInsideApp, sleeps: kind !== "laptop" };
}

function nameOf(userAgent: string, isPad: boolean, isPhone: boolean, isAndroid: boolean): string {
  if (isPad) return "iPad";
  if (/iPhone/.test(userAgent)) return "iPhone";
  if (isAndroid) return androidModel(userAgent) ?? (isPhone ? "Android phone" : "Android tablet");
  if (isPhone) return "Phone";
  if (/Macintosh/.test(userAgent)) return "Mac";
  if (/Windows/.test(userAgent)) return "Windows computer";
  if (/CrOS/.test(userAgent)) return "Chromebook";
  return /Linux/.test(userAgent) ? "Linux computer" : "Browser";
}

/** Chrome has said "K" for every model since 2023; Firefox and others still tell. */
function androidModel(userAgent: string): string | null {
  const model = /Android [\d.]+; ([^;)]{2,40}?)(?: Build|[;)])/.exec(userAgent)?.[1]?.trim();
  return model && !/^(K|Mobile|Tablet|rv:.*|wv)$/.test(model) ? model : null;
}
