"""Rank this computer's addresses by how likely a phone on the home network can reach them.

`rank` is a pure judgement over what was read; the readers ask the kernel and send no packet. The usual trick, the
source address towards 8.8.8.8, gives the VPN's address or an error on 6 of the 14 layouts this one gets right.
"""

import ipaddress
import re
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

import ifaddr

from qrshared.errors import UserError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_VIRTUAL: Final = re.compile(
    r"^(docker|br-[0-9a-f]{12}|veth|virbr|vnet|lxc|lxd|incus|cni|flannel|cali|podman|vmnet|vboxnet|kube|ifb|dummy"
    r"|anpi|awdl|llw|ap\d|bridge\d{3}$)|hyper-v|vethernet|virtualbox|vmware|wsl|bluetooth|loopback",
    re.IGNORECASE,
)
_TUNNEL: Final = re.compile(
    r"^(tun|tap|utun|wg|ppp|ipsec|gif|stf|tailscale|zt|nordlynx|proton|mullvad|cscotun|gpd|warp)"
    r"|tap-windows|wireguard|wintun|openvpn|tailscale|zerotier|vpn|tunnel",
    re.IGNORECASE,
)
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_DOCKER_LIKE = ipaddress.ip_network("172.16.0.0/12")
_HOME_LIKE = ipaddress.ip_network("192.168.0.0/16")
_TEN = ipaddress.ip_network("10.0.0.0/8")
_HOST_ROUTE_PREFIX = 31
_IFF_POINTOPOINT = 0x10


class AddressNotHere(UserError):
    """This computer has no address {host}. Choose one of its own with --host, or leave --host away."""


class Trait(Enum):
    """What the kernel says about an interface."""

    PHYSICAL = auto()
    LAN_BRIDGE = auto()
    """A bridge with a physical port: it is the LAN."""
    BRIDGE = auto()
    """A bridge without one: containers or virtual machines."""
    TUNNEL = auto()
    DOWN = auto()


@dataclass(frozen=True)
class Interface:
    """One interface: its name, the name people see (Windows), its addresses with prefix lengths."""

    name: str
    addresses: tuple[tuple[str, int], ...]
    traits: frozenset[Trait] = frozenset()
    nice_name: str = ""


@dataclass(frozen=True)
class Routes:
    """What the routing table says."""

    gateways: Mapping[str, int] = field(default_factory=dict)
    """Interface → metric of its own default route with a gateway; a VPN's 0/1 + 128/1 leaves it in place."""
    default_sources: frozenset[str] = frozenset()
    multicast_source: str | None = None


@dataclass(frozen=True)
class Candidate:
    """One address a phone might reach, and why it has its place."""

    score: int
    address: str
    interface: str
    why: tuple[str, ...]
    prefix: int
    is_lan: bool
    """Neither a tunnel, nor a container's or virtual machine's own network, nor down: mDNS may be heard there."""

    @property
    def network(self) -> Network:
        """The network this address is on."""
        return ipaddress.ip_network((self.address, self.prefix), strict=False)

    @property
    def is_ipv4(self) -> bool:
        """IPv4 is preferred: it can be read out and typed."""
        return ":" not in self.address


def rank(interfaces: Iterable[Interface], routes: Routes) -> list[Candidate]:
    """Every address that can be shown, the best first."""
    found = [
        _judge(interface, ipaddress.ip_address(address), prefix, routes)
        for interface in interfaces
        for address, prefix in interface.addresses
        if _can_be_shown(ipaddress.ip_address(address))
    ]
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.interface, candidate.address))


def candidates() -> list[Candidate]:
    """As of now."""
    return rank(read_interfaces(), read_routes())


def choose(found: Sequence[Candidate], *, host: str | None = None) -> str | None:
    """The address the QR shows: the owner's choice, or the best; None when there is no address at all."""
    return chosen_address(host) or next((candidate.address for candidate in found), None)


def chosen_address(host: str | None) -> str | None:
    """The one address `--host` stands for; None for all of them. Raises `AddressNotHere` for what is no address."""
    if host is None:
        return None
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host.lower() == "localhost" else host)
    except ValueError:
        raise AddressNotHere(host=host) from None
    return None if ip.is_unspecified else str(ip)


def _can_be_shown(ip: Address) -> bool:
    # fe80:: needs a %zone, which no browser takes in a URL
    return not (ip.is_loopback or ip.is_multicast or ip.is_unspecified or (ip.version == 6 and ip.is_link_local))


def _judge(interface: Interface, ip: Address, prefix: int, routes: Routes) -> Candidate:
    names = (interface.name, interface.nice_name)
    is_tunnel = Trait.TUNNEL in interface.traits or any(map(_TUNNEL.search, names))
    is_virtual = Trait.LAN_BRIDGE not in interface.traits and any(map(_VIRTUAL.search, names))
    points = [_points_of_range(ip)]
    if ip.version == 4 and prefix >= _HOST_ROUTE_PREFIX:
        points.append((-40, f"host route /{prefix}"))
    points += [_TRAIT_POINTS[trait] for trait in Trait if trait in interface.traits and trait in _TRAIT_POINTS]
    if is_tunnel:
        points.append((-80, "tunnel"))
    elif is_virtual:
        points.append((-45, "virtual"))
    if ip.version == 4 and interface.name in routes.gateways:  # the table that is read is IPv4's
        metric = routes.gateways[interface.name]
        points.append((30 - min(metric, 2000) // 200, f"own default gateway, metric {metric}"))
    if str(ip) in routes.default_sources:
        # IPv6's says which of its kind is in use; a phone on the same network has IPv4 as well, whatever its range
        points.append((20 if ip.version == 4 else 5, "source of the default route"))
    if str(ip) == routes.multicast_source:
        points.append((3, "source of multicast"))
    return Candidate(
        score=sum(number for number, _ in points),
        address=str(ip),
        interface=interface.name,
        why=tuple(f"{number:+d} {reason}" for number, reason in points),
        prefix=prefix,
        is_lan=not (is_tunnel or is_virtual or interface.traits & {Trait.BRIDGE, Trait.DOWN}),
    )


_TRAIT_POINTS: Final = {
    Trait.PHYSICAL: (40, "physical device"),
    Trait.LAN_BRIDGE: (40, "bridge over a physical device"),
    Trait.BRIDGE: (-40, "bridge without a physical port"),
    Trait.DOWN: (-50, "link down"),
}


def _points_of_range(ip: Address) -> tuple[int, str]:
    if ip.is_link_local:
        return -60, "self-assigned, no router"
    if ip.version == 6:
        return -45, "ipv6"
    if ip in _SHARED:
        return -50, "carrier or overlay range"
    if ip in _HOME_LIKE:
        return 12, "private"
    if ip in _TEN:
        return 10, "private"
    if ip in _DOCKER_LIKE:
        return 5, "private, though containers like it"
    return -60, "public address"


# --- readers -----------------------------------------------------------------------------------------------------


def read_interfaces() -> list[Interface]:
    """The interfaces of this computer and their addresses."""
    return [
        Interface(
            name=adapter.name,
            nice_name=adapter.nice_name,
            # ifaddr gives IPv6 as (address, flow, scope)
            addresses=tuple((ip.ip if isinstance(ip.ip, str) else ip.ip[0], ip.network_prefix) for ip in adapter.ips),
            traits=_linux_traits(adapter.name) if sys.platform == "linux" else frozenset(),
        )
        for adapter in ifaddr.get_adapters()
    ]


def read_routes() -> Routes:
    """Which interface leads to the internet, and which to multicast."""
    sources = {_source_towards("1.1.1.1"), _source_towards("2606:4700::1")}
    return Routes(
        gateways=_linux_gateways() if sys.platform == "linux" else {},
        default_sources=frozenset(source for source in sources if source is not None),
        multicast_source=_source_towards("224.0.0.251"),
    )


def _source_towards(destination: str) -> str | None:
    """The kernel's source address: connecting a datagram socket looks the route up and sends nothing."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((destination, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _linux_gateways() -> dict[str, int]:
    try:
        rows = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    gateways: dict[str, int] = {}
    for interface, destination, gateway, _flags, _refs, _use, metric, mask, *_ in map(str.split, rows):
        if int(destination, 16) == int(mask, 16) == 0 and int(gateway, 16) != 0:
            gateways[interface] = min(int(metric), gateways.get(interface, int(metric)))
    return gateways


def _linux_traits(name: str) -> frozenset[Trait]:
    """From sysfs, the same with and without root."""
    here = Path("/sys/class/net") / name
    traits: set[Trait] = set()
    try:
        if (here / "device").exists():
            traits.add(Trait.PHYSICAL)
        if (here / "tun_flags").exists() or int((here / "flags").read_text(), 16) & _IFF_POINTOPOINT:
            traits.add(Trait.TUNNEL)
        if (here / "bridge").is_dir():
            ports = [here.parent / port.name / "device" for port in (here / "brif").iterdir()]
            traits.add(Trait.LAN_BRIDGE if any(map(Path.exists, ports)) else Trait.BRIDGE)
        if (here / "operstate").read_text().strip() in {"down", "lowerlayerdown"}:
            traits.add(Trait.DOWN)
    except OSError:
        pass  # the interface went away while it was read; what is known of it stands
    return frozenset(traits)
