"""What peers tell each other in sealed envelopes until they have a link: frozen values and their JSON (`WIRE.md`)."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final, Literal, NoReturn, TypeAlias, get_args

from qrshared.errors import LocalError, RemoteError

WHOLE_MAX: Final = 2**53 - 1
"""The largest whole number both JSON and JavaScript carry exactly."""
SDP_CHARACTERS_MAX: Final = 32 * 1024
"""Twenty times what aiortc or a browser says for one data channel."""
CANDIDATE_CHARACTERS_MAX: Final = 1024
"""One line of SDP."""
CANDIDATES_MAX: Final = 64
"""An attempt; two addresses of each of a laptop's interfaces, with STUN and TURN, are about twenty."""
SERVERS_MAX: Final = 8
"""Also URLs a server; browsers warn from five servers on."""
ATTEMPTS_MAX: Final = 64
"""A meeting; an hour of changing networks every minute."""
URL_CHARACTERS_MAX: Final = 512
"""Also of a user name and a credential, which providers make up to some hundred characters long."""
MID_CHARACTERS_MAX: Final = 64
"""The name of a section of an SDP; browsers use one digit."""


class WrongMessage(RemoteError):
    """The other device says something that is not in our language ({detail})."""

    reason = "wrong"

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)


class FailReason(StrEnum):
    """Why an attempt will not become a link."""

    BUSY = "busy"
    OFFER = "offer"
    CANDIDATE = "candidate"
    ICE = "ice"
    SERVERS = "servers"


@dataclass(frozen=True, slots=True)
class IceServer:
    """Where one STUN or TURN server is, and what it wants to hear."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """I want a link: give me what I need for it."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Servers:
    """What a link needs."""

    attempt: int
    servers: tuple[IceServer, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """The initiator's half of a peer connection."""

    attempt: int
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The responder's half."""

    attempt: int
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where I may be reached as well; an empty one: that was all."""

    attempt: int
    candidate: str = field(repr=False)
    mid: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """This attempt will not become a link."""

    attempt: int
    reason: FailReason


@dataclass(frozen=True, slots=True)
class RoadUsed:
    """How the link really goes, as the initiator's statistics say."""

    attempt: int
    road: Literal["direct", "relay"]


@dataclass(frozen=True, slots=True)
class Bye:
    """I am done here."""


MeetingMessage: TypeAlias = Call | Servers | Offer | Answer | Candidate | Failed | RoadUsed | Bye


@dataclass(frozen=True, slots=True)
class Said:
    """One reliable message in its place; None: a later version's, which is confirmed and not heard."""

    n: int
    message: MeetingMessage | None


@dataclass(frozen=True, slots=True)
class Got:
    """Everything before `through` has arrived; `spoiled` envelopes came changed."""

    through: int
    spoiled: int = 0


def encode_said(n: int, message: MeetingMessage) -> bytes:
    """JSON of one reliable message. A message beyond the bounds is our own fault."""
    written: dict[str, object] = {"n": n, "t": _TAGS[type(message)]}
    for each in fields(message):
        value: object = getattr(message, each.name)
        if each.name == "servers" and isinstance(message, Servers):
            value = [_written(server) for server in message.servers]
        if value is not None:
            written[each.name] = value
    try:
        text = _JSON.encode(written)
        decode(text.encode())
    except (WrongMessage, UnicodeEncodeError) as error:
        raise LocalError(what=f"a {_TAGS[type(message)]} that the wire does not allow: {error}") from error
    return text.encode()


def encode_got(got: Got) -> bytes:
    """JSON of a confirmation; it has no place of its own."""
    spoiled = {"spoiled": got.spoiled} if got.spoiled else {}
    return _JSON.encode({"t": "got", "through": got.through, **spoiled}).encode()


def decode(plaintext: bytes) -> Said | Got:
    """Reads what was in an envelope; raises WrongMessage."""
    try:
        parsed: object = json.loads(plaintext.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise WrongMessage("not JSON") from None
    if not isinstance(parsed, dict):
        raise WrongMessage("not an object")
    tag = parsed.get("t")
    if not isinstance(tag, str):
        raise WrongMessage("no t")
    if tag == "got":
        return Got(_whole(parsed.get("through"), WHOLE_MAX), _whole(parsed.get("spoiled", 0), WHOLE_MAX))
    n = _whole(parsed.get("n"), WHOLE_MAX)
    kind = _KINDS.get(tag)
    return Said(n, None if kind is None else kind(parsed))


_Json: TypeAlias = Mapping[str, object]
_JSON: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # JSON can spell one, UTF-8 cannot
_URL: Final = re.compile(r"(?:stun|turn)s?:[!-~]+")


def _written(server: IceServer) -> dict[str, object]:
    written: dict[str, object] = {"urls": server.urls, "username": server.username, "credential": server.credential}
    return {name: value for name, value in written.items() if value is not None}


def _refuse_constant(name: str) -> NoReturn:
    raise WrongMessage(f"{name} is not a number")


def _whole(value: object, most: int, least: int = 0) -> int:
    if isinstance(value, float) and value.is_integer():  # JSON does not tell 1 from 1.0, and JavaScript cannot
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise WrongMessage("a number is none, or out of range")
    return value


def _text(value: object, most: int) -> str:
    """Counted in Unicode code points."""
    if not isinstance(value, str) or len(value) > most or _LONE_SURROGATE.search(value):
        raise WrongMessage("a text is none, or too long")
    return value


def _attempt(json_: _Json) -> int:
    return _whole(json_.get("attempt"), ATTEMPTS_MAX)


def _maybe_text(json_: _Json, name: str, most: int) -> str | None:
    return _text(json_[name], most) if name in json_ else None


def _server(value: object) -> IceServer:
    if not isinstance(value, dict):
        raise WrongMessage("a server is none")
    return IceServer(
        tuple([_url(url) for url in _list(value.get("urls"), least=1)]),
        _maybe_text(value, "username", URL_CHARACTERS_MAX),
        _maybe_text(value, "credential", URL_CHARACTERS_MAX),
    )


def _url(value: object) -> str:
    text = _text(value, URL_CHARACTERS_MAX)
    if not _URL.fullmatch(text):  # a browser throws for others, and would give up the whole connection
        raise WrongMessage("a server's address is none")
    return text


def _list(value: object, *, least: int = 0) -> list[object]:
    if not isinstance(value, list) or not least <= len(value) <= SERVERS_MAX:
        raise WrongMessage("a list is none, or of another length")
    return value


def _sdp(json_: _Json) -> str:
    return _text(json_.get("sdp"), SDP_CHARACTERS_MAX)


def _servers(json_: _Json) -> Servers:
    servers = tuple([_server(server) for server in _list(json_.get("servers"))])
    return Servers(_attempt(json_), servers)


def _candidate(json_: _Json) -> Candidate:
    return Candidate(
        _attempt(json_),
        _text(json_.get("candidate"), CANDIDATE_CHARACTERS_MAX),
        _maybe_text(json_, "mid", MID_CHARACTERS_MAX),
        _whole(json_["line"], 65_535) if "line" in json_ else None,
    )


def _failed(json_: _Json) -> Failed:
    reason = json_.get("reason")
    if not isinstance(reason, str) or reason not in _FAIL_REASONS:
        raise WrongMessage("no reason we know")
    return Failed(_attempt(json_), FailReason(reason))


def _road(json_: _Json) -> RoadUsed:
    match json_.get("road"):
        case "direct":
            return RoadUsed(_attempt(json_), "direct")
        case "relay":
            return RoadUsed(_attempt(json_), "relay")
    raise WrongMessage("no road we know")


_FAIL_REASONS: Final = frozenset(reason.value for reason in FailReason)
_KINDS: Final[Mapping[str, Callable[[_Json], MeetingMessage]]] = {
    "call": lambda json_: Call(_attempt(json_)),
    "servers": _servers,
    "offer": lambda json_: Offer(_attempt(json_), _sdp(json_)),
    "answer": lambda json_: Answer(_attempt(json_), _sdp(json_)),
    "candidate": _candidate,
    "failed": _failed,
    "road": _road,
    "bye": lambda _: Bye(),
}
_TAGS: Final[Mapping[type, str]] = {
    kind: "road" if kind is RoadUsed else kind.__name__.lower() for kind in get_args(MeetingMessage)
}
