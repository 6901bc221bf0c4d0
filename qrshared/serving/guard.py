"""Which requests are let in: a pure judgement over a request's facts, and the thin middleware that asks it.

The order is a rule: a stranger's address is refused before anything can be learned from an answer. `Host` and `Origin`
carry the weight, because a page on http://192.168.… gets no `Sec-Fetch-Site` from browsers and aiohttp itself checks
neither (DNS rebinding, cross-site WebSockets, form posts: all reach the handler without this).
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not ipaddress.is_private: that counts test networks in and has changed between Python versions.
PRIVATE_NETWORKS: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # carriers' and overlay networks' shared range
        "127.0.0.0/8",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
# What a reverse proxy adds. A request that carries one did not begin on this computer, whatever its address says.
_FORWARDED: Final = (
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "CF-Connecting-IP", "Via",
)  # fmt: skip


@dataclass(frozen=True)
class Admission:
    """Whom this server answers, as of now: it is replaced when the computer's addresses change."""

    hosts: frozenset[str]
    """Exact `Host` values, lower case, port included where a browser sends it."""
    ranked_host: str | None = None
    """Where a person is sent who reached the page by another name."""
    networks: tuple[Network, ...] = ()
    """Networks this computer is on; private ranges are always admitted."""
    public_host: str | None = None
    """The name of an HTTPS reverse proxy before this server, if the owner set one: it opens the door to any address."""

    def welcomes(self, source: str) -> bool:
        """Whether this address may connect at all."""
        return self.public_host is not None or is_near(source, self.networks)


@dataclass(frozen=True)
class RequestFacts:
    """What the judgement looks at, and nothing else."""

    source: str
    method: str = "GET"
    target: str = "/"
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    fetch_site: str | None = None
    content_encoding: str | None = None
    is_upgrade: bool = False


@dataclass(frozen=True)
class Pass:
    """Let in."""


@dataclass(frozen=True)
class Refuse:
    """Not let in; the sentence says no more than the peer knows already."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Redirect:
    """A person came by a name we cannot vouch for: here is the address, and nothing else."""

    location: str


Verdict = Pass | Refuse | Redirect

_NOT_NEAR: Final = Refuse(403, "This page is for devices on the same network.")
_ABSOLUTE: Final = Refuse(400, "This is not a proxy.")
_WRONG_HOST: Final = Refuse(421, "This page does not answer to that name. Scan the code, or open the address it shows.")
_WRONG_ORIGIN: Final = Refuse(403, "Another site asked for this page; that is not allowed.")
_ENCODED: Final = Refuse(415, "Encoded request bodies are not accepted.")


def judge(facts: RequestFacts, admission: Admission) -> Verdict:
    """Let in, refuse or redirect."""
    if not admission.welcomes(facts.source):
        return _NOT_NEAR
    if not facts.target.startswith("/"):
        return _ABSOLUTE
    host = facts.hosts[0].lower() if len(facts.hosts) == 1 else ""
    if host not in admission.hosts and host != admission.public_host:
        return _elsewhere(facts, admission)
    if not _is_own_origin(facts, host, admission):
        return _WRONG_ORIGIN
    if facts.fetch_site is not None and facts.fetch_site not in _OWN_SITES:
        return _WRONG_ORIGIN
    if facts.content_encoding is not None:
        return _ENCODED
    return Pass()


def is_near(source: str, networks: tuple[Network, ...] = ()) -> bool:
    """Whether an address is private, or on a network this computer is on."""
    try:
        ip = _plain(source)
    except ValueError:
        return False
    return any(ip in network for network in (*PRIVATE_NETWORKS, *networks))


def is_loopback(source: str) -> bool:
    """Whether an address is this computer talking to itself."""
    try:
        return _plain(source).is_loopback
    except ValueError:
        return False


def _plain(source: str) -> _Address:
    ip = ipaddress.ip_address(source.partition("%")[0])
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def _elsewhere(facts: RequestFacts, admission: Admission) -> Verdict:
    """Only a person who typed a name is sent on: a script's request carries an Origin or upgrades."""
    is_typed = facts.method == "GET" and facts.target == "/" and not facts.origins and not facts.is_upgrade
    if is_typed and len(facts.hosts) == 1 and admission.ranked_host in admission.hosts:
        return Redirect(f"http://{admission.ranked_host}/")
    return _WRONG_HOST


def _is_own_origin(facts: RequestFacts, host: str, admission: Admission) -> bool:
    """A page of ours: its origin is the very host it asks. Only plain reads may come without an origin."""
    if not facts.origins:
        return facts.method in _SAFE_METHODS and not facts.is_upgrade
    scheme = "https" if host == admission.public_host else "http"
    return len(facts.origins) == 1 and facts.origins[0].lower() == f"{scheme}://{host}"


def facts_of(request: web.Request) -> RequestFacts:
    """The facts of an aiohttp request; the address is the socket's, never a header's."""
    headers = request.headers
    return RequestFacts(
        source=request.remote or "",
        method=request.method,
        target=request.raw_path,
        hosts=tuple(headers.getall(hdrs.HOST, ())),
        origins=tuple(headers.getall(hdrs.ORIGIN, ())),
        fetch_site=headers.get("Sec-Fetch-Site"),
        content_encoding=headers.get(hdrs.CONTENT_ENCODING),
        is_upgrade=hdrs.UPGRADE in headers,
    )


def is_forwarded(request: web.Request) -> bool:
    """Whether a proxy handed this request on, as far as it says so."""
    return any(name in request.headers for name in _FORWARDED)


def guard_middleware(
    admission: Callable[[], Admission],
) -> Middleware:
    """The outermost middleware: nothing looks at a request that the judgement did not let pass."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        match judge(facts_of(request), admission()):
            case Pass():
                return await handler(request)
            case Redirect(location):
                # 302 and never 301: addresses change, and a browser would remember
                return web.Response(status=302, headers={hdrs.LOCATION: location})
            case Refuse(status, sentence):
                return web.Response(status=status, text=sentence + "\n")

    return guard
