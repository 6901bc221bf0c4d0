"""Tells one network from another: by its router's hardware address and the address range, else by what can be read.

Nothing is sent beyond the router: where the kernel does not know its hardware address yet, one datagram to it makes the
kernel ask. Elsewhere than on Linux a network is told by interface and range alone.
"""

import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from qrshared.lan.addresses import Candidate

PROC: Final = Path("/proc/net")

ASK_S: Final = 1.0
"""How long the kernel may take to learn the router's hardware address; on a LAN that is a few milliseconds."""

_LOOK_EVERY_S = 0.05
_DISCARD_PORT = 9  # RFC 863
_SIOCGIWESSID = 0x8B1B  # linux/wireless.h
_SSID_BYTES_MAX = 32  # IEEE 802.11
_UNKNOWN_MAC = "00:00:00:00:00:00"


@dataclass(frozen=True, slots=True)
class Network:
    """The network that an address of ours is in; `prefix` as `192.168.1.0/24`."""

    interface: str
    prefix: str
    gateway: str | None = None
    gateway_mac: str | None = None
    """None as long as the router has not answered, or there is none."""
    ssid: str | None = None

    @property
    def name(self) -> str:
        """For people."""
        if self.ssid:
            return self.ssid
        return f"{self.prefix} on {self.interface}" if self.gateway is None else f"the network of {self.gateway}"


def read_network(
    address: str | None,
    found: Sequence[Candidate],
    *,
    proc: Path = PROC,
    knock: Callable[[str], None] | None = None,
    ask_s: float = ASK_S,
) -> Network | None:
    """The network of this address of ours, as of now; None if it is in none. It may take a second: call it in a thread.

    `knock` makes the kernel look for the router.
    """
    here = next((one for one in found if one.address == address), None)
    if here is None:
        return None
    prefix = str(here.network)
    gateway = gateway_of(here.interface, _text(proc / "route")) if here.is_ipv4 else None
    ssid = read_ssid(here.interface) if sys.platform == "linux" else None
    if gateway is None:
        return Network(here.interface, prefix, ssid=ssid)
    mac = mac_of(gateway, here.interface, _text(proc / "arp"))
    if mac is None:
        (knock or partial(_knock, here.interface))(gateway)
        deadline = time.monotonic() + ask_s
        while mac is None and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
            mac = mac_of(gateway, here.interface, _text(proc / "arp"))
    return Network(here.interface, prefix, gateway, mac, ssid)


def gateway_of(interface: str, table: str) -> str | None:
    """The router of an interface's own default route, the nearest if there are several, from `/proc/net/route`."""
    best: tuple[int, str] | None = None
    for row in table.splitlines()[1:]:
        name, destination, gateway, _flags, _refs, _use, metric, mask, *_ = row.split()
        if name == interface and int(destination, 16) == int(mask, 16) == 0 and int(gateway, 16) != 0:
            address = socket.inet_ntoa(struct.pack("=L", int(gateway, 16)))
            best = min(best or (int(metric), address), (int(metric), address))
    return None if best is None else best[1]


def mac_of(address: str, interface: str, table: str) -> str | None:
    """A neighbour's hardware address from `/proc/net/arp`; None while the kernel does not know it."""
    for row in table.splitlines()[1:]:
        fields = row.split()
        if len(fields) >= 6 and fields[0] == address and fields[-1] == interface and fields[3] != _UNKNOWN_MAC:
            return fields[3].lower()
    return None


def read_ssid(interface: str) -> str | None:
    """The Wi-Fi's name, where the kernel tells it without asking for rights."""
    if sys.platform != "linux":
        return None
    import array
    import fcntl

    buffer = array.array("B", bytes(_SSID_BYTES_MAX + 1))
    place, length = buffer.buffer_info()
    # struct iwreq: 16 bytes of name, then struct iw_point {pointer, u16 length, u16 flags}
    request = struct.pack("16sPHH", interface.encode()[:15], place, length - 1, 0).ljust(40, b"\0")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = fcntl.ioctl(asking, _SIOCGIWESSID, request)
    except OSError:  # not a Wi-Fi, or a kernel without wireless extensions
        return None
    (told,) = struct.unpack_from("H", answer, 16 + struct.calcsize("P"))
    text = buffer.tobytes()[: min(told, _SSID_BYTES_MAX)].decode("utf-8", "replace").strip("\0")
    return "".join(character if character.isprintable() else "\ufffd" for character in text) or None


def _knock(interface: str, gateway: str) -> None:
    """One byte that nobody need answer: before it goes out the kernel asks for the router's hardware address.

    By this interface: a computer with cable and Wi-Fi has the same router by both, or two of the same address.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knocking:
            knocking.setblocking(False)
            if sys.platform == "linux":  # without rights since Linux 5.7; before, it goes by the better of the two
                with suppress(PermissionError):
                    knocking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            knocking.sendto(b"\0", (gateway, _DISCARD_PORT))
    except OSError:
        pass  # the route went away meanwhile: then its change is told soon


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
