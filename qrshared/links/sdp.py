"""Reads the few facts that describe a data channel in SDP and writes them anew, so that aiortc meets nothing else.

What a peer wrote is checked here against narrow patterns; whatever is not understood is either left out or refused.
aiortc's own parser asserts, raises half a dozen kinds of errors, and passes some nonsense on to where it does harm.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from qrshared.errors import QrsharedError
from qrshared.links.port import MESSAGE_BYTES_MAX

SDP_BYTES_MAX: Final = 32 << 10
"""A browser's description of one data channel is below 4 KiB, candidates included."""

CANDIDATE_BYTES_MAX: Final = 1 << 10
"""A browser's candidate is below 200 bytes."""

CANDIDATES_MAX: Final = 64
"""A peer's candidates of one connection, described and trickled: each is tried from every address of ours."""

_HASH_BYTES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_FINGERPRINTS_MAX: Final = 4  # one per certificate and hash; browsers send one

_MEDIA: Final = re.compile(r"m=application [0-9]{1,5} (?:UDP|TCP)/DTLS/SCTP webrtc-datachannel")
_ATTRIBUTE: Final = re.compile(r"a=([a-z-]{1,32}):(.*)")
_ICE_NAME: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 5.4
_ICE_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MID: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_ANY_CASE: Final = re.IGNORECASE | re.ASCII  # without ASCII, [a-z] in any case matches the Kelvin sign
_FINGERPRINT: Final = re.compile(
    r"(?P<hash>sha-(?:256|384|512)) (?P<digest>[0-9A-F]{2}(?::[0-9A-F]{2}){31,63})", _ANY_CASE
)
_CANDIDATE: Final = re.compile(
    r"(?:candidate:)?(?P<foundation>[A-Za-z0-9+/]{1,32}) 1 udp (?P<priority>[0-9]{1,10}) "
    r"(?P<host>[A-Za-z0-9.:-]{1,68}) (?P<port>[0-9]{1,5}) typ (?P<kind>host|srflx|relay)(?: .*)?",
    _ANY_CASE,
)
_MDNS_NAME: Final = re.compile(r"[a-z0-9-]{1,63}\.local")

DescriptionKind = Literal["offer", "answer"]
Setup = Literal["actpass", "active", "passive"]


class BadOffer(QrsharedError):
    """The other side's description of its connection cannot be used ({fault})."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault=fault)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """One way to reach the peer, over UDP."""

    foundation: str
    priority: int
    host: str
    port: int
    kind: Literal["host", "srflx", "relay"]

    @property
    def has_name(self) -> bool:
        """A browser that hides its address gives an mDNS name in its place."""
        return self.host.endswith(".local")

    def write(self) -> str:
        """As SDP has it, without what nobody reads."""
        return f"{self.foundation} 1 udp {self.priority} {self.host} {self.port} typ {self.kind}"


@dataclass(frozen=True, slots=True)
class Description:
    """All that has to be known of the peer's side of a connection."""

    kind: DescriptionKind
    mid: str
    ice_name: str
    ice_password: str
    fingerprints: Sequence[str]
    setup: Setup
    sctp_port: int
    message_bytes_max: int
    candidates: Sequence[RemoteCandidate]

    def write(self) -> str:
        """SDP with exactly one data channel; candidates that are names are left to who can look them up.

        The end of candidates is never said: aiortc would give up at once when those it knows fail, while a peer
        behind a name or a symmetric NAT may still be about to knock.
        """
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {self.mid}",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{self.mid}",
            f"a=ice-ufrag:{self.ice_name}",
            f"a=ice-pwd:{self.ice_password}",
            *(f"a=fingerprint:{fingerprint}" for fingerprint in self.fingerprints),
            f"a=setup:{self.setup}",
            f"a=sctp-port:{self.sctp_port}",
            f"a=max-message-size:{self.message_bytes_max}",
            *(f"a=candidate:{candidate.write()}" for candidate in self.candidates if not candidate.has_name),
        ]
        return "".join(f"{line}\r\n" for line in lines)


def read_description(sdp: str, kind: DescriptionKind) -> Description:
    """What a peer's offer or answer says; raises `BadOffer`."""
    if len(sdp) > SDP_BYTES_MAX:
        raise BadOffer("it is too long")
    says = _attributes(sdp)
    message_bytes_max = _number(says, "max-message-size", 65_536)  # RFC 8841 6: the value when it is not said
    if 0 < message_bytes_max < MESSAGE_BYTES_MAX:
        raise BadOffer("its messages are too small")
    sctp_port = _number(says, "sctp-port", 5000)
    if not 1 <= sctp_port < 1 << 16:
        raise BadOffer("it has no SCTP port")
    return Description(
        kind=kind,
        mid=_match(_MID, _one(says, "mid", "0"), "its section has no usable name"),
        ice_name=_match(_ICE_NAME, _one(says, "ice-ufrag"), "it has no ICE name"),
        ice_password=_match(_ICE_PASSWORD, _one(says, "ice-pwd"), "it has no ICE password"),
        fingerprints=_fingerprints(says),
        setup=_setup(says, kind),
        sctp_port=sctp_port,
        message_bytes_max=message_bytes_max,
        candidates=_candidates(says),
    )


def read_candidate(text: str) -> RemoteCandidate | None:
    """A candidate as browsers write it, with or without `candidate:`; None for one that is of no use here."""
    if len(text) > CANDIDATE_BYTES_MAX:
        return None
    found = _CANDIDATE.fullmatch(text.strip())
    if found is None:
        return None
    host = _host(found["host"].lower())
    port = int(found["port"])
    if host is None or not 1 <= port < 1 << 16:
        return None
    kind: Literal["host", "srflx", "relay"]
    match found["kind"].lower():
        case "host":
            kind = "host"
        case "srflx":
            kind = "srflx"
        case _:
            kind = "relay"
    return RemoteCandidate(found["foundation"], min(int(found["priority"]), 0x7FFF_FFFF), host, port, kind)


def _host(text: str) -> str | None:
    """An address that a peer can have, or an mDNS name."""
    if _MDNS_NAME.fullmatch(text):
        return text
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    is_mapped = address.version == 6 and address.ipv4_mapped is not None  # the same address in disguise
    if is_mapped or address.is_unspecified or address.is_multicast or address.is_loopback:
        return None
    return str(address)


def _attributes(sdp: str) -> Mapping[str, Sequence[str]]:
    """The attributes of the one data channel; what only the session says holds for it too (RFC 8859)."""
    session: dict[str, list[str]] = {}
    media: dict[str, list[str]] | None = None
    for line in sdp.replace("\r\n", "\n").split("\n"):
        if line.startswith("m="):
            if media is not None or _MEDIA.fullmatch(line) is None:
                raise BadOffer("it describes something else than one data channel")
            media = {}
        elif (found := _ATTRIBUTE.fullmatch(line)) is not None:
            (session if media is None else media).setdefault(found[1], []).append(found[2])
    if media is None:
        raise BadOffer("it describes no data channel")
    return {**session, **media}


def _one(says: Mapping[str, Sequence[str]], name: str, default: str = "") -> str:
    values = set(says.get(name, ())) or {default}
    if len(values) > 1:
        raise BadOffer("it contradicts itself")
    return values.pop()


def _number(says: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    return int(_match(_NUMBER, _one(says, name, str(default)), "it has a number that is none"))


def _match(pattern: re.Pattern[str], text: str, fault: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadOffer(fault)
    return text


def _setup(says: Mapping[str, Sequence[str]], kind: DescriptionKind) -> Setup:
    """Who begins the DTLS handshake; only an offer may leave it open (RFC 8842 5.2)."""
    match kind, _one(says, "setup"):
        case _, "active":
            return "active"
        case _, "passive":
            return "passive"
        case "offer", "actpass" | "":
            return "actpass"
    raise BadOffer("it does not say who begins")


def _fingerprints(says: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Those with a hash that we can check; each of them must be right when the peer shows its certificate."""
    usable: list[str] = []
    for text in says.get("fingerprint", ()):
        found = _FINGERPRINT.fullmatch(text)
        if found is not None and found["digest"].count(":") + 1 == _HASH_BYTES[found["hash"].lower()]:
            usable.append(f"{found['hash'].lower()} {found['digest'].upper()}")
    if not 1 <= len(usable) <= _FINGERPRINTS_MAX:
        raise BadOffer("it has no usable fingerprint")
    return usable


def _candidates(says: Mapping[str, Sequence[str]]) -> Sequence[RemoteCandidate]:
    texts = says.get("candidate", ())
    if len(texts) > CANDIDATES_MAX:
        raise BadOffer("it has too many candidates")
    return [candidate for candidate in map(read_candidate, texts) if candidate is not None]
