"""Looks at everything that use away from home needs, one part after the other; each finding says what to do.

What is asked here is what a connection will ask: the edge over HTTPS and as a socket, STUN for our address, the relay
for a relay. Nothing is changed anywhere, and no finding holds a secret.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorSSLError,
    ClientError,
    ClientSession,
    ClientTimeout,
)

from qrshared.links.ice import IceServer
from qrshared.remote.lending import ask_for_relay
from qrshared.signaling import Connected, Disconnected, SignalClient, TurnConfig, TurnKind, TurnSource, turn_source
from qrshared.signaling.client import NotAnEdge, OtherVersion
from qrshared.signaling.metered import MeteredTurnSource, Trouble

ANSWER_S: Final = 10.0
"""For one answer of an edge: it may wake up first where hosting platforms put idle programs to sleep."""

PAGE_BYTES_MAX: Final = 256 * 1024
"""What is read of a page to see its mark; ours has 2 KiB."""

_MARK: Final = re.compile(rb'<meta name="qrshared" content="(\w+)">')


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was seen, and what to do if it is not well."""

    check: str
    ok: bool
    seen: str
    advice: str = ""


# --- the edge


async def examine_edge(session: ClientSession, url: str) -> list[Finding]:
    """Reachable, over a trustworthy line, an edge, of our version, with the page."""
    parts = urlsplit(url)
    base = f"{'https' if parts.scheme in ('https', 'wss') else 'http'}://{parts.netloc}"
    try:
        async with session.get(f"{base}/health", timeout=ClientTimeout(ANSWER_S), allow_redirects=False) as answer:
            status = answer.status
    except ClientConnectorCertificateError as fault:
        return [Finding("edge", True, f"{base} is there"), _bad_certificate(fault)]
    except ClientConnectorSSLError:
        return [
            Finding("edge", True, f"{base} is there"),
            Finding("edge TLS", False, "it does not speak HTTPS there",
                    "Put HTTPS before the edge (the kit does: qrshared signal --kit), or correct the port."),
        ]  # fmt: skip
    except (ClientError, OSError, TimeoutError, ValueError) as fault:
        return [_unreachable(base, fault)]
    found = [Finding("edge", True, f"{base} answers"), _line_to(base)]
    if _is_own(parts.hostname or ""):
        found.append(Finding("edge address", False, "this address exists on this computer only, so no phone reaches it",
                             "Run the edge where phones reach it too (qrshared signal --kit), and set its address: "
                             "qrshared config set edge https://share.example.org"))  # fmt: skip
    if status >= 500:
        found.append(Finding("edge at work", False, f"it answers {status}",
                             "What is before it runs, it does not: start it, and read its log."))  # fmt: skip
        return found
    kind = await _examine_socket(session, url)
    found.append(kind)
    if kind.ok:
        found.append(await _examine_page(session, base))
    return found


def _unreachable(base: str, fault: Exception) -> Finding:
    seen = f"{base} does not answer"
    if isinstance(fault, TimeoutError):
        seen += f" within {ANSWER_S:g} s"
    elif isinstance(fault, ClientConnectorDNSError):
        return Finding("edge", False, f"the name in {base} is not found",
                       "Correct the name, or make its DNS entry. Is this computer itself online?")  # fmt: skip
    elif isinstance(fault, OSError) and fault.strerror:
        seen += f" ({fault.strerror})"
    return Finding(
        "edge", False, seen,
        "See that it runs (qrshared signal), that its name points to it, and that a firewall lets its port through. "
        "Is this computer itself online?",
    )  # fmt: skip


def _bad_certificate(fault: ClientConnectorCertificateError) -> Finding:
    cause = fault.certificate_error
    why = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "it cannot be verified"
    return Finding(
        "edge TLS", False, f"its certificate is not good: {why}",
        "Nothing is sent to it. Get a certificate for exactly this name (Caddy in the kit does it by itself), or "
        "correct the name; if all names fail, this computer's clock may be wrong.",
    )  # fmt: skip


def _line_to(base: str) -> Finding:
    if base.startswith("https:"):
        return Finding("edge TLS", True, "its certificate is good")
    if _is_own(urlsplit(base).hostname or ""):
        return Finding("edge TLS", True, "none, which is enough on this computer itself")
    return Finding(
        "edge TLS", False, "none: the page comes over plain HTTP",
        "Anybody on the way could change the page. Put HTTPS before the edge (the kit does: qrshared signal --kit) and "
        "give its address as https://…",
    )  # fmt: skip


def _is_own(host: str) -> bool:
    try:
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


async def _examine_socket(session: ClientSession, url: str) -> Finding:
    client = SignalClient(session, url)
    try:
        async with asyncio.timeout(2 * ANSWER_S), aclosing(client.events()) as events:
            async for event in events:
                if isinstance(event, Connected):
                    turn = " and hands out relays" if client.gives_turn else ""
                    return Finding("edge version", True, f"it is a qrshared edge of our version{turn}")
                if isinstance(event, Disconnected):
                    return _no_edge(event)
    except TimeoutError:
        pass
    return Finding("edge version", False, "it says nothing", "Something before it may hold WebSockets back at /signal.")


def _no_edge(event: Disconnected) -> Finding:
    match event.fault:
        case OtherVersion() as fault:
            return Finding("edge version", False, fault.sentence, "Update the older of the two.")
        case NotAnEdge():
            return Finding(
                "edge version", False, "what answers there is no qrshared edge",
                "Check the address. If it is right, the proxy before the edge does not pass WebSockets on at /signal.",
            )  # fmt: skip
        case _:
            return Finding("edge version", False, "it closed the line at once",
                           "It may be full, or think that too many come from here: try again in a minute.")  # fmt: skip


async def _examine_page(session: ClientSession, base: str) -> Finding:
    try:
        async with session.get(f"{base}/p", timeout=ClientTimeout(ANSWER_S), allow_redirects=False) as answer:
            content = await answer.content.read(PAGE_BYTES_MAX)
            mark = _MARK.search(content)
            if answer.status == 200 and mark is not None and mark[1] == b"edge":
                return Finding("edge page", True, "phones get the page there")
            seen = f"phones get no page there ({answer.status})"
    except (ClientError, OSError, TimeoutError) as fault:
        seen = f"phones get no page there ({type(fault).__name__})"
    return Finding("edge page", False, seen, "Install the edge from the published package, or build its page.")


# --- STUN


async def examine_stun(urls: Sequence[str]) -> list[Finding]:
    """Each server, asked for our address."""
    if not urls:
        return [Finding("STUN", True, "nobody is asked, as was chosen: fewer networks allow a direct way then")]
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_examine_stun(url)) for url in urls]
    return [each.result() for each in asked]


async def _examine_stun(url: str) -> Finding:
    from qrshared.links.probe import ProbeFailed, probe_stun

    try:
        address = await probe_stun(url)
    except ProbeFailed:
        return Finding(
            "STUN", False, f"{url} does not answer",
            "Without it few networks allow a direct way. See that UDP gets out of this network, or set another server: "
            "qrshared config set stun stun:….",
        )  # fmt: skip
    return Finding("STUN", True, f"{url} sees us as {address}")


# --- TURN


async def examine_turn(session: ClientSession, config: TurnConfig | None) -> list[Finding]:
    """Credentials from where they will come from, and a packet through each address of the relay."""
    if config is None:
        return [
            Finding("relay", True, "none is set: two networks that allow no direct way stay apart",
                    "Rent one at Metered, or run coturn (the kit has it): qrshared run --help shows the flags."),
        ]  # fmt: skip
    return await try_turn(turn_source(config, session))


async def examine_lent(session: ClientSession, edge_url: str) -> list[Finding]:
    """What the edge lends a computer that has no relay of its own, and a packet through each address of it."""
    lent = await ask_for_relay(session, edge_url)
    if not lent.hands_out:
        return await examine_turn(session, None)
    if not lent.told:
        return [
            Finding("relay", False, "the edge lends its relay, but gave none now",
                    f"Try again in some minutes: it gives so many to an address. {_TELL_EDGE}, {_OWN_RELAY}"),
        ]  # fmt: skip
    if not lent.usable:
        return [
            Finding("relay", False, "the edge lends a relay that is not to be found on the internet; it is not used",
                    f"{_TELL_EDGE}, {_OWN_RELAY}"),
        ]  # fmt: skip
    tried = await _examine_relays(lent.usable, f"{_TELL_EDGE}, {_OWN_RELAY}")
    seen = "none of this computer's own: the edge lends one, as much as whoever runs the edge allows"
    return [Finding("relay", True, seen), *tried]


async def try_turn(source: TurnSource) -> list[Finding]:
    """A credential from here, and what opens with it."""
    servers = await source.mint("doctor")
    if not servers:
        trouble = source.trouble if isinstance(source, MeteredTurnSource) else None
        seen = "Metered gave no relay" + (f": {trouble.value}" if trouble is not None else "")
        return [Finding("relay", False, seen, _METERED_ADVICE.get(trouble, _METERED_ADVICE[Trouble.ANSWER]))]
    own = [IceServer(each.urls, each.username, each.credential) for each in servers]
    return await _examine_relays(own, _CREDENTIALS[source.kind])


async def _examine_relays(servers: Sequence[IceServer], if_refused: str) -> list[Finding]:
    places = [(url, each.username or "", each.credential or "") for each in servers for url in each.urls]
    async with asyncio.TaskGroup() as tasks:
        tried = [tasks.create_task(_examine_relay(*place, if_refused)) for place in places]
    return [each.result() for each in tried]


async def _examine_relay(url: str, username: str, credential: str, if_refused: str) -> Finding:
    from qrshared.links.probe import ProbeFailed, probe_turn

    try:
        await probe_turn(url, username, credential)
    except ProbeFailed as failed:
        seen, advice = _RELAY_FAULTS[failed.fault.name]
        return Finding("relay", False, f"{url} {seen}", advice or if_refused)
    return Finding("relay", True, f"{url} carries packets both ways")


_TELL_EDGE: Final = "Tell whoever runs the edge"
_OWN_RELAY: Final = "or set a relay of your own: qrshared run --help shows the flags."
_METERED_ADVICE: Final[dict[Trouble | None, str]] = {
    Trouble.NAME: "Is this computer online? If it is, its DNS does not know the app's name: see yourapp.metered.live.",
    Trouble.CONNECTION: "Is this computer online? If it is, something in this network keeps it from Metered.",
    Trouble.TIME: "Is this computer online, and slow at the moment? It waits for one second.",
    Trouble.KEY: "Copy the API key or the secret key again, at Metered, under Developers, and see that the app's name "
    "is the one that it belongs to. A word before the key (api: or secret:) must be the right one.",
    Trouble.ANSWER: "See at Metered that the app's name is right, that it has a credential, and that its plan is not "
    "used up.",
}
_RELAY_FAULTS: Final = {
    "UNREACHABLE": (
        "does not answer",
        (
            "See that it runs, that its name points to it, and that the firewall before it lets this port through "
            "(3478 by UDP and by TCP, and the relay's own UDP ports)."
        ),
    ),
    "CREDENTIALS": ("does not take the name and password", ""),
    "FULL": (
        "gives no relay at the moment",
        "Its quota is used up (user-quota, total-quota), or your plan is.",
    ),
    "FORBIDDEN": (
        "gives a relay that may not send to its own address",
        "Behind a provider's NAT a coturn needs external-ip=PUBLIC/PRIVATE and allowed-peer-ip=PRIVATE.",
    ),
    "SILENT": (
        "gives relays, but no packet comes through",
        (
            "See that the firewall before it lets the relay's own UDP ports through (49152-65535), and that "
            "external-ip is right."
        ),
    ),
    "STRANGE": (
        "answers as no TURN server does",
        "Check the address: another program may listen at that port.",
    ),
}
_CREDENTIALS: Final = {
    TurnKind.COTURN: (
        "The secret in your file must be the one that coturn has as static-auth-secret, and both clocks must be right."
    ),
    TurnKind.STATIC: "Check the user's name, and the password in your file.",
    TurnKind.METERED: "Its credential may just have been withdrawn: look at Metered, under TURN server.",
}
