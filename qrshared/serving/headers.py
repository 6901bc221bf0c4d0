"""What every answer says to the browser: run only our own code, talk only to us, tell nobody."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import hdrs, web

# Features a page like ours never needs; a list, because an empty Permissions-Policy denies nothing.
_DENIED_FEATURES: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)

_FIXED_HEADERS: Final = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _DENIED_FEATURES),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# Browsers obey it where a page is trustworthy; elsewhere they ignore it and complain of it on the console.
_OPENER_POLICY: Final = {"Cross-Origin-Opener-Policy": "same-origin"}
_LOOPBACK_HOSTS: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")


def content_policy(
    *, host: str, is_secure: bool = False, any_websocket: bool = False, connect_to: Sequence[str] = ()
) -> str:
    """The Content-Security-Policy of a page, and of a script: a Worker obeys the policy of its own response.

    `host` is the vetted Host of the request; `connect_to` are further origins the page may call (an edge).
    `any_websocket` is for a server that cannot know whether a proxy before it speaks HTTPS.
    """
    # 'self' does not cover ws:// in every browser, so the door is named.
    schemes = ("ws", "wss") if any_websocket else ("wss",) if is_secure else ("ws",)
    websockets = [f"{scheme}://{host}" for scheme in schemes]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self'",
            "frame-src 'self'",  # the way to a download that a service worker streams
            "style-src 'self'",
            "img-src 'self' blob:",
            " ".join(("connect-src 'self'", *websockets, *connect_to)),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def secure_responses(
    app: web.Application,
    *,
    public_host: Callable[[], str | None],
    connect_to: Callable[[], Sequence[str]] = tuple,
    is_secure: Callable[[web.Request], bool] = lambda _request: False,
    any_websocket: bool = False,
) -> None:
    """Give every response of `app` these headers, errors and refusals included.

    A page is trustworthy at the public host, and where `is_secure` says so.
    """

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers.update(_FIXED_HEADERS)
        host = request.headers.get(hdrs.HOST, "").lower()
        # A refused Host may hold anything: it must not reach the policy.
        vetted = host if response.status < 400 and response.status != 302 else "invalid"
        over_https = vetted == public_host() or is_secure(request)
        if "Content-Security-Policy" not in headers:  # what is no page of ours may be held more tightly
            headers["Content-Security-Policy"] = content_policy(
                host=vetted, is_secure=over_https, any_websocket=any_websocket, connect_to=connect_to()
            )
        if over_https or _LOOPBACK_HOSTS.fullmatch(vetted):
            headers.update(_OPENER_POLICY)
        headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
        headers.popall(hdrs.SERVER, None)  # the versions of our libraries are nobody's business

    signal: Callable[[web.Request, web.StreamResponse], Awaitable[None]] = on_prepare
    app.on_response_prepare.append(signal)
