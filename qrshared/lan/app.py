"""Puts the home server's application together: guard, headers, page, health, door."""

import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from aiohttp import web

from qrshared.lan.addresses import Candidate, choose, chosen_address
from qrshared.lan.door import Door, OnLink
from qrshared.lan.downloads import Downloads
from qrshared.serving import (
    Admission,
    BuiltPage,
    FailedHandshakes,
    Gate,
    add_page_routes,
    catch_faults,
    guard_middleware,
    secure_responses,
)

_HTTP_PORT = 80

PHONE_PATH = "/p"
"""What codes lead to."""


def build_app(
    *,
    page: BuiltPage,
    sessions: Callable[[], int],
    on_link: OnLink,
    admission: Callable[[], Admission],
    gate: Gate,
    failed: FailedHandshakes | None = None,
    connect_to: Callable[[], Sequence[str]] = tuple,
    downloads: Downloads | None = None,
    on_opened: Callable[[], None] = lambda: None,
) -> web.Application:
    """The application: `/`, `/p`, `/owner`, `/assets/*`, `/health`, the door at `/link`, plain downloads at `/get/`.

    `sessions` counts open sealed sessions; `admission` is asked anew for each request, because addresses change.
    `on_opened`: another machine fetched the page that codes lead to.
    """
    gate.screen(lambda address: admission().welcomes(address))
    app = web.Application(middlewares=[gate.middleware, guard_middleware(admission), catch_faults])
    secure_responses(app, public_host=lambda: admission().public_host, connect_to=connect_to)
    add_page_routes(app, page)

    async def note_opened(request: web.Request, response: web.StreamResponse) -> None:
        if request.path == PHONE_PATH and response.status < 400 and not _is_this_computer(request.remote):
            on_opened()

    app.on_response_prepare.append(note_opened)

    async def health(_request: web.Request) -> web.StreamResponse:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return web.json_response({"status": "ok", "sessions": sessions(), "timestamp": now})

    app.router.add_get("/health", health)
    door = Door(on_link=on_link, gate=gate, admission=admission, failed=failed)
    app.router.add_get("/link", door.enter, allow_head=False)
    app.on_shutdown.append(door.close)
    if downloads is not None:
        app.router.add_route("*", "/get/{token:.*}", downloads.serve)
    return app


def _is_this_computer(address: str | None) -> bool:
    try:
        return address is None or ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def admission_for(
    found: Sequence[Candidate],
    *,
    port: int,
    host: str | None = None,
    local_name: str | None = None,
    public_host: str | None = None,
) -> Admission:
    """Whom to answer while these are our addresses; with `host`, only by that address and by loopback."""
    ranked = choose(found, host=host)
    chosen = chosen_address(host)
    addresses = [chosen] if chosen is not None else [candidate.address for candidate in found]
    names = ["127.0.0.1", "localhost", "[::1]", *map(host_in_url, addresses), *([local_name] if local_name else [])]
    hosts = frozenset(name for bare in names for name in _with_port(bare.lower(), port))
    return Admission(
        hosts=hosts,
        ranked_host=_with_port(host_in_url(ranked), port)[0] if ranked is not None else None,
        networks=tuple(dict.fromkeys(candidate.network for candidate in found)),
        public_host=public_host.lower() if public_host is not None else None,
    )


def host_in_url(address: str) -> str:
    """An address as a URL wants it: IPv6 in brackets."""
    return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address


def _with_port(name: str, port: int) -> tuple[str, ...]:
    """How a browser says it: without the port on port 80."""
    return (name, f"{name}:{port}") if port == _HTTP_PORT else (f"{name}:{port}",)
