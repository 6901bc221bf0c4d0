"""Looks at the ways between phones and this computer: what each address is, where routes lead, who else is heard.

Nothing is changed and no packet leaves, except in `port_answers`, which talks to this computer itself.
"""

import http.client
import ipaddress
import json
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from qrshared.lan.addresses import Candidate, Interface, Routes, rank

ANSWER_S: Final = 3.0
"""This computer answers itself at once; longer means that something swallows the packets."""


class Kind(Enum):
    """What an address is to a phone at home."""

    HOME = auto()
    VPN = auto()
    """A tunnel, or the range of an overlay network."""
    VIRTUAL = auto()
    """Containers and virtual machines."""
    SELF_ASSIGNED = auto()
    """No router gave one."""
    PUBLIC = auto()
    DOWN = auto()


_KINDS: Final = {
    "tunnel": Kind.VPN,
    "carrier or overlay range": Kind.VPN,
    "virtual": Kind.VIRTUAL,
    "bridge without a physical port": Kind.VIRTUAL,
    "link down": Kind.DOWN,
    "self-assigned, no router": Kind.SELF_ASSIGNED,
    "public address": Kind.PUBLIC,
}
"""By the ranking's own reasons (`addresses.rank`), what it is before how it fares: an idle docker0 is down."""


def reasons(candidate: Candidate) -> list[str]:
    """Why it ranks where it does, without the points."""
    return [why.partition(" ")[2] for why in candidate.why]


def kind_of(candidate: Candidate) -> Kind:
    """What the ranking found out about this address."""
    found = reasons(candidate)
    return next((kind for reason, kind in _KINDS.items() if reason in found), Kind.HOME)


@dataclass(frozen=True, slots=True)
class Device:
    """A network device that could lead to a home network, and whether it is switched on."""

    name: str
    is_up: bool


def network_devices(*, sys_net: Path = Path("/sys/class/net")) -> list[Device]:
    """Those that are there (Linux), with or without an address; no tunnels, containers or loopback."""
    found = []
    for name in sorted(each.name for each in sys_net.iterdir()) if sys_net.is_dir() else []:
        # The ranking knows names: what it would not take for the LAN's is none.
        (as_ranked,) = rank([Interface(name, (("192.168.0.1", 24),))], Routes())
        if name != "lo" and as_ranked.is_lan:
            found.append(Device(name, is_up=_is_up(sys_net / name)))
    return found


def _is_up(device: Path) -> bool:
    try:
        return bool(int((device / "flags").read_text(encoding="ascii"), 16) & 0x1)  # linux/if.h: IFF_UP
    except (OSError, ValueError):
        return False


# --- routes ------------------------------------------------------------------------------------------------------


def source_towards(address: str) -> str | None:
    """Our address in what this computer sends there; None where no route leads there. Sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def neighbour_of(candidate: Candidate) -> str | None:
    """An address where a phone could be; None in a network of one."""
    own = ipaddress.ip_address(candidate.address)
    hosts = candidate.network.hosts()
    return next((str(host) for host, _ in zip(hosts, range(3), strict=False) if host != own), None)


def leads_home(candidate: Candidate) -> bool:
    """Whether what we answer to a phone in this network leaves by it, and not by a VPN or not at all."""
    neighbour = neighbour_of(candidate)
    return neighbour is not None and source_towards(neighbour) == candidate.address


def vpn_with_everything(found: Sequence[Candidate], routes: Routes) -> Candidate | None:
    """The VPN through which this computer reaches the internet; None if it does so by itself."""
    return next((each for each in found if kind_of(each) is Kind.VPN and each.address in routes.default_sources), None)


# --- who else is there -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom this computer has lately exchanged packets with in one network."""

    others: int
    has_router: bool


def neighbours(interface: str, *, proc: Path = Path("/proc/net")) -> Neighbours | None:
    """From the kernel's memory (Linux); None where that cannot be read."""
    try:
        routes = [line.split() for line in (proc / "route").read_text(encoding="ascii").splitlines()[1:]]
        rows = [line.split() for line in (proc / "arp").read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return None
    routers = {_address_of(row[2]) for row in routes if row[0] == interface and int(row[2], 16) != 0}
    # linux/if_arp.h: ATF_COM, an answer was heard
    heard = {row[0] for row in rows if row[5] == interface and int(row[2], 16) & 0x2}
    return Neighbours(others=len(heard - routers), has_router=bool(heard & routers))


def _address_of(word: str) -> str:
    """/proc/net/route prints the bytes as a number of this machine."""
    return str(ipaddress.IPv4Address(socket.ntohl(int(word, 16))))


def is_wireless(interface: str, *, sys_net: Path = Path("/sys/class/net")) -> bool:
    """Whether the kernel calls it wireless (Linux)."""
    return (sys_net / interface / "wireless").exists() or (sys_net / interface / "phy80211").exists()


_GUESTS: Final = re.compile(r"guest|g[aä]st|invit[eé]|invitad|ospit|visitor|convidad|gość|hotspot", re.IGNORECASE)


def sounds_like_guests(network_name: str) -> bool:
    """Whether a Wi-Fi is called what people call one for their guests."""
    return _GUESTS.search(network_name) is not None


# --- the port ----------------------------------------------------------------------------------------------------


class Answer(Enum):
    """What comes back from a port of this computer."""

    OURS = auto()
    OTHER = auto()
    REFUSED = auto()
    SWALLOWED = auto()


def port_answers(address: str, port: int) -> Answer:
    """Asks as a phone would, from this computer itself."""
    connection = http.client.HTTPConnection(address, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/health")
        said = json.loads(connection.getresponse().read(4096))
    except TimeoutError:
        return Answer.SWALLOWED
    except (ConnectionRefusedError, ConnectionResetError):
        return Answer.REFUSED
    except (OSError, http.client.HTTPException, ValueError) as fault:
        return Answer.REFUSED if isinstance(fault, OSError) else Answer.OTHER
    finally:
        connection.close()
    is_ours = isinstance(said, dict) and said.get("status") == "ok" and "sessions" in said
    return Answer.OURS if is_ours else Answer.OTHER


class PortState(Enum):
    """Whether a daemon could open a port now."""

    FREE = auto()
    TAKEN = auto()
    NOT_ALLOWED = auto()


def port_state(port: int, *, address: str = "0.0.0.0") -> PortState:  # noqa: S104 - opened for an instant, never listened at
    """Tries to take it and gives it back."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as trial:
        if hasattr(socket, "AF_UNIX"):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the daemon does
        try:
            trial.bind((address, port))
            trial.listen(1)
        except PermissionError:
            return PortState.NOT_ALLOWED
        except OSError:
            return PortState.TAKEN
    return PortState.FREE
