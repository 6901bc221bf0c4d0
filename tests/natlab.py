"""Two homes behind routers that translate addresses, and an internet between them, in network namespaces.

    computer 192.168.1.2 ─┐
                          ├ router 20.0.1.11 ─┐
    phone ──── at home ───┘                   ├ internet: server 20.0.1.1 (edge, STUN and TURN)
      └─ away, 192.168.2.3 ── router 20.0.1.12 ┘
    other 192.168.2.2 ────┘

The addresses of the internet look public: a TURN server that refuses private peers, as ours does, works here.
Needs root, iproute2 and nftables. Everything has a name of its own and is gone when the context ends.
"""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.namespaces import Host

_numbers = itertools.count()

SERVER = "20.0.1.1"
ROUTERS = ("20.0.1.11", "20.0.1.12")
NOWHERE = "20.0.1.254"
NOWHERE_MAC = "02:00:00:00:00:fe"

_FILTER = """
table ip nat {{
  chain postrouting_ {{ type nat hook postrouting priority srcnat; policy accept; oifname "wan" masquerade {flags}; }}
}}
table ip filter {{
  chain input_ {{
    type filter hook input priority 0; policy drop;
    iifname {{ "lan", "lo" }} accept; ct state established,related accept;
  }}
  chain forward_ {{
    type filter hook forward priority 0; policy drop;
    jump blocked_; iifname "lan" accept; ct state established,related accept;
  }}
  chain blocked_ {{ }}
}}
"""
# Unsolicited packets must be dropped before conntrack confirms them: an inbound entry would hold the 5-tuple, the later
# outbound mapping would get another port, and hole punching would fail where real routers let it through.


class Nat(StrEnum):
    """How a router chooses the outer port."""

    CONE = "cone"  # the same one towards everybody: hole punching works
    SYMMETRIC = "symmetric"  # another one towards each peer: it does not


@dataclass(frozen=True)
class Router:
    """One home's way to the internet."""

    namespace: str
    address: str

    def nft(self, *words: str) -> None:
        """Change its rules."""
        subprocess.run(["ip", "netns", "exec", self.namespace, "nft", *words], check=True, capture_output=True)

    def block_udp(self) -> None:
        """From now on nothing but TCP gets out, as in a strict office."""
        self.nft("add", "rule", "ip", "filter", "blocked_", "meta", "l4proto", "udp", "drop")

    def block_everything(self) -> None:
        """The line to the internet is dead."""
        self.nft("add", "rule", "ip", "filter", "blocked_", "drop")

    def unblock(self) -> None:
        """All of it works again."""
        self.nft("flush", "chain", "ip", "filter", "blocked_")

    def renumber(self, address: str) -> "Router":
        """The provider gives another address: everything that was open is dead."""
        inside = ("ip", "-n", self.namespace)
        for words in (("address", "flush", "dev", "wan"), ("address", "add", f"{address}/24", "dev", "wan"),
                      ("route", "replace", "default", "via", NOWHERE)):  # fmt: skip
            subprocess.run([*inside, *words], check=True, capture_output=True)
        subprocess.run(["ip", "netns", "exec", self.namespace, "conntrack", "-F"], check=False, capture_output=True)
        return Router(self.namespace, address)


@dataclass(frozen=True)
class Laboratory:
    """The machines of it; `phone` starts at home."""

    server: Host
    computer: Host
    phone: Host
    other: Host
    routers: tuple[Router, Router]

    def leave_home(self) -> None:
        """The phone's Wi-Fi at home is out of reach; the network away takes over."""
        self.phone.run("ip", "link", "set", "eth0", "down")
        self.phone.run("ip", "link", "set", "eth1", "up")
        self.phone.run("ip", "route", "replace", "default", "via", "192.168.2.1")

    def come_home(self) -> None:
        """And back."""
        self.phone.run("ip", "link", "set", "eth1", "down")
        self.phone.run("ip", "link", "set", "eth0", "up")
        self.phone.run("ip", "route", "replace", "default", "via", "192.168.1.1")


@contextlib.contextmanager
def nat_laboratory(home: Nat = Nat.CONE, away: Nat = Nat.CONE) -> Iterator[Laboratory]:
    """Build it; programs that still run in it are killed when it is taken down."""
    prefix = f"qrl{os.getpid()}n{next(_numbers)}"
    names = {each: f"{prefix}{each}" for each in ("net", "nat1", "nat2", "pc", "ph", "ot")}
    made: list[str] = []
    try:
        for name in names.values():
            _ip("netns", "add", name)
            made.append(name)
            _ip("-n", name, "link", "set", "lo", "up")
        _internet(names["net"])
        for which, nat in ((1, home), (2, away)):
            _router(names["net"], names[f"nat{which}"], which, nat)
        _plug(names["nat1"], names["pc"], "eth0", "192.168.1.2", 1)
        _plug(names["nat1"], names["ph"], "eth0", "192.168.1.3", 1)
        _plug(names["nat2"], names["ot"], "eth0", "192.168.2.2", 2)
        _plug(names["nat2"], names["ph"], "eth1", "192.168.2.3", 2)
        _ip("-n", names["ph"], "link", "set", "eth1", "down")
        _ip("-n", names["ph"], "route", "replace", "default", "via", "192.168.1.1")
        yield Laboratory(
            server=Host(names["net"], SERVER, "br0"),
            computer=Host(names["pc"], "192.168.1.2"),
            phone=Host(names["ph"], "192.168.1.3"),
            other=Host(names["ot"], "192.168.2.2"),
            routers=(Router(names["nat1"], ROUTERS[0]), Router(names["nat2"], ROUTERS[1])),
        )
    finally:
        for name in made:
            found = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True)
            for pid in found.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _internet(network: str) -> None:
    _ip("-n", network, "link", "add", "br0", "type", "bridge")
    _ip("-n", network, "address", "add", f"{SERVER}/24", "dev", "br0")
    _ip("-n", network, "link", "set", "br0", "up")
    # What is sent to addresses that nobody routes must vanish in silence: an error from the kernel makes coturn 4.6
    # drop the whole allocation.
    _ip("-n", network, "route", "add", "default", "via", NOWHERE)
    _ip("-n", network, "neigh", "add", NOWHERE, "lladdr", NOWHERE_MAC, "dev", "br0", "nud", "permanent")


def _router(network: str, router: str, which: int, nat: Nat) -> None:
    _ip("-n", router, "link", "add", "wan", "type", "veth", "peer", "name", f"n{which}", "netns", network)
    _ip("-n", network, "link", "set", f"n{which}", "master", "br0", "up")
    _ip("-n", router, "address", "add", f"{ROUTERS[which - 1]}/24", "dev", "wan")
    _ip("-n", router, "link", "set", "wan", "up")
    _ip("-n", router, "route", "add", "default", "via", NOWHERE)
    _ip("-n", router, "neigh", "add", NOWHERE, "lladdr", NOWHERE_MAC, "dev", "wan", "nud", "permanent")
    _ip("-n", router, "link", "add", "lan", "type", "bridge")
    _ip("-n", router, "address", "add", f"192.168.{which}.1/24", "dev", "lan")
    _ip("-n", router, "link", "set", "lan", "up")
    _inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    flags = "random,fully-random" if nat is Nat.SYMMETRIC else ""
    _inside(router, "nft", "-f", "-", text=_FILTER.format(flags=flags))


def _plug(router: str, host: str, interface: str, address: str, which: int) -> None:
    port = f"{interface}{address.rsplit('.', 1)[1]}"
    _ip("-n", router, "link", "add", port, "type", "veth", "peer", "name", interface, "netns", host)
    _ip("-n", router, "link", "set", port, "master", "lan", "up")
    _ip("-n", host, "address", "add", f"{address}/24", "brd", "+", "dev", interface)
    _ip("-n", host, "link", "set", interface, "up")
    _ip("-n", host, "route", "replace", "default", "via", f"192.168.{which}.1")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _inside(namespace: str, *words: str, text: str | None = None) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, *words], check=True, capture_output=True, input=text, text=True)
