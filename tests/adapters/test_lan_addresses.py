"""The ranking picks the address a phone can reach, on the layouts people have at home."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from qrshared.lan import Candidate, admission_for, advertised_addresses, candidates, choose
from qrshared.lan.addresses import Interface, Routes, Trait, rank

LOOPBACK = Interface("lo", (("127.0.0.1", 8), ("::1", 128)))
PHYSICAL = frozenset({Trait.PHYSICAL})
DOWN = frozenset({Trait.DOWN})
ETHERNET = Interface("eth0", (("192.168.1.7", 24), ("fe80::1", 64)), PHYSICAL)
WLAN = Interface("wlan0", (("192.168.1.8", 24),), PHYSICAL)
DOCKER = Interface("docker0", (("172.17.0.1", 16),), frozenset({Trait.BRIDGE, Trait.DOWN}))
COMPOSE = Interface("br-0123456789ab", (("172.18.0.1", 16),), frozenset({Trait.BRIDGE}))
LIBVIRT = Interface("virbr0", (("192.168.122.1", 24),), frozenset({Trait.BRIDGE}))
TUN = Interface("tun0", (("10.8.0.2", 24),), frozenset({Trait.TUNNEL}))
WIREGUARD = Interface("wg0", (("10.64.3.9", 32),), frozenset({Trait.TUNNEL}))
TAILSCALE = Interface("tailscale0", (("100.101.102.103", 32),), frozenset({Trait.TUNNEL}))


def _routes(gateways: dict[str, int], source: str | None = None, multicast: str | None = None) -> Routes:
    return Routes(gateways, frozenset({source} if source else ()), multicast)


@dataclass(frozen=True)
class Layout:
    """One way a computer sits in its networks, and the address its QR has to hold."""

    name: str
    interfaces: Sequence[Interface]
    routes: Routes
    best: str | None


HOME = _routes({"eth0": 100}, "192.168.1.7", "192.168.1.7")

LAYOUTS = [
    Layout("a cable", [LOOPBACK, ETHERNET], HOME, "192.168.1.7"),
    Layout("a cable and docker", [LOOPBACK, DOCKER, ETHERNET], HOME, "192.168.1.7"),
    Layout("compose and libvirt bridges", [COMPOSE, LIBVIRT, DOCKER, ETHERNET], HOME, "192.168.1.7"),
    Layout(
        "a VPN by 0/1 and 128/1, the own default route left in place",
        [ETHERNET, TUN],
        _routes({"eth0": 100}, "10.8.0.2", "10.8.0.2"),
        "192.168.1.7",
    ),
    Layout(
        "the default route only through the VPN",
        [ETHERNET, TUN],
        _routes({"tun0": 50}, "10.8.0.2", "10.8.0.2"),
        "192.168.1.7",
    ),
    Layout("a full wireguard tunnel", [ETHERNET, WIREGUARD], _routes({"eth0": 100}, "10.64.3.9"), "192.168.1.7"),
    Layout("cable and wlan", [WLAN, ETHERNET], _routes({"eth0": 100, "wlan0": 600}, "192.168.1.7"), "192.168.1.7"),
    Layout("tailscale", [TAILSCALE, ETHERNET], HOME, "192.168.1.7"),
    Layout(
        "a LAN in docker's favourite range",
        [DOCKER, Interface("enp3s0", (("172.16.4.20", 24),), PHYSICAL)],
        _routes({"enp3s0": 100}, "172.16.4.20"),
        "172.16.4.20",
    ),
    Layout(
        "a cable between two computers, no router",
        [Interface("eth0", (("169.254.8.9", 16),), PHYSICAL), DOCKER],
        _routes({}),
        "169.254.8.9",
    ),
    Layout(
        "dual stack",
        [Interface("eth0", (("2001:db8::7", 64), ("fd00::7", 64), ("192.168.1.7", 24)), PHYSICAL)],
        Routes({"eth0": 100}, frozenset({"192.168.1.7", "2001:db8::7"})),
        "192.168.1.7",
    ),
    Layout(
        "the cable is unplugged, wlan is up",
        [Interface("eth0", (("192.168.1.7", 24),), PHYSICAL | DOWN), WLAN],
        _routes({"wlan0": 600}, "192.168.1.8"),
        "192.168.1.8",
    ),
    Layout(
        "a router: public on one side, home on the other",
        [
            Interface("wan0", (("203.0.113.5", 24),), PHYSICAL),
            Interface("br-lan", (("192.168.1.1", 24),), frozenset({Trait.LAN_BRIDGE})),
        ],
        _routes({"wan0": 0}, "203.0.113.5"),
        "192.168.1.1",
    ),
    Layout(
        "a cable, docker and a VPN",
        [DOCKER, ETHERNET, TUN],
        _routes({"eth0": 100, "tun0": 50}, "10.8.0.2"),
        "192.168.1.7",
    ),
    # beyond the simulated fourteen
    Layout(
        "a host bridge for virtual machines is the LAN",
        [Interface("br0", (("192.168.1.7", 24),), frozenset({Trait.LAN_BRIDGE})), LIBVIRT],
        _routes({"br0": 0}, "192.168.1.7"),
        "192.168.1.7",
    ),
    Layout(
        "macOS: wlan, a VPN and AirDrop's interface",
        [
            Interface("en0", (("192.168.1.9", 24),)),
            Interface("utun3", (("10.5.0.2", 32),)),
            Interface("awdl0", (("169.254.1.1", 16),)),
        ],
        Routes({}, frozenset({"10.5.0.2"}), "192.168.1.9"),
        "192.168.1.9",
    ),
    Layout(
        "Windows: Wi-Fi beside Hyper-V's switch",
        [
            Interface("{A}", (("172.20.0.1", 20),), nice_name="Hyper-V Virtual Ethernet Adapter"),
            Interface("{B}", (("192.168.178.30", 24),), nice_name="Intel(R) Wi-Fi 6 AX201"),
        ],
        Routes({}, frozenset({"192.168.178.30"}), "172.20.0.1"),
        "192.168.178.30",
    ),
    Layout("only loopback", [LOOPBACK], Routes(), None),
]


PUBLIC = (("192.0.2.2", 24),)
ULA = (("fd00::2", 64),)
GLOBAL = (("2001:db8::2", 64),)
PUBLIC_SOURCES = frozenset({"192.0.2.2", "2001:db8::2"})

BOTH_FAMILIES = [
    # Phones are in the same network as the address that leads out of it, whatever range it is of: IPv4 can be typed.
    Layout(
        "public and ULA", [Interface("eth0", ULA + PUBLIC, PHYSICAL)], _routes({"eth0": 100}, "192.0.2.2"), "192.0.2.2"
    ),
    Layout("in a container", [Interface("eth0", ULA + PUBLIC)], _routes({"eth0": 0}, "192.0.2.2"), "192.0.2.2"),
    Layout(
        "public, ULA and global, a far metric",
        [Interface("wlan0", GLOBAL + ULA + PUBLIC, PHYSICAL)],
        Routes({"wlan0": 20_600}, PUBLIC_SOURCES),
        "192.0.2.2",
    ),
    Layout("macOS: no table is read", [Interface("en0", GLOBAL + PUBLIC)], Routes({}, PUBLIC_SOURCES), "192.0.2.2"),
    Layout(
        "a carrier's range on the Wi-Fi",
        [Interface("wlan0", (*GLOBAL, ("100.64.3.9", 20)), PHYSICAL)],
        Routes({"wlan0": 600}, frozenset({"100.64.3.9", "2001:db8::2"})),
        "100.64.3.9",
    ),
    Layout(
        "private and ULA, no way out", [Interface("eth0", (*ULA, ("10.0.0.5", 24)), PHYSICAL)], Routes(), "10.0.0.5"
    ),
    # Where IPv4 leads nobody here, IPv6 is what there is.
    Layout(
        "IPv6 alone", [Interface("wlan0", ULA + GLOBAL, PHYSICAL), DOCKER], Routes({}, PUBLIC_SOURCES), "2001:db8::2"
    ),
    Layout("ULA alone, and containers", [Interface("wlan0", ULA, PHYSICAL), COMPOSE, LIBVIRT], Routes(), "fd00::2"),
    Layout(
        "ULA, and a VPN with IPv4",
        [Interface("eth0", ULA, PHYSICAL), TUN],
        _routes({"tun0": 50}, "10.8.0.2"),
        "fd00::2",
    ),
    Layout("a public host route", [Interface("eth0", (*ULA, ("192.0.2.2", 32)), PHYSICAL)], Routes(), "fd00::2"),
    Layout("no DHCP", [Interface("eth0", (*ULA, ("169.254.8.9", 16)), PHYSICAL)], Routes(), "fd00::2"),
]


@pytest.mark.parametrize("layout", LAYOUTS + BOTH_FAMILIES, ids=lambda layout: layout.name)
def test_the_qr_holds_the_address_a_phone_can_reach(layout: Layout) -> None:
    found = rank(layout.interfaces, layout.routes)
    assert choose(found) == layout.best, [(c.score, c.address, c.why) for c in found]


def test_every_candidate_stays_for_display_with_its_reasons() -> None:
    found = rank([LOOPBACK, DOCKER, ETHERNET, TUN], HOME)
    assert {candidate.address for candidate in found} == {"192.168.1.7", "172.17.0.1", "10.8.0.2"}
    assert all(candidate.why for candidate in found)
    assert sum(int(reason.split()[0]) for reason in found[0].why) == found[0].score


def test_the_owner_may_choose_another_address() -> None:
    found = rank([ETHERNET, TUN], HOME)
    assert choose(found, host="10.8.0.2") == "10.8.0.2"
    assert choose(found, host="0.0.0.0") == "192.168.1.7"


def test_mdns_is_heard_on_the_lan_only() -> None:
    found = rank([LOOPBACK, DOCKER, COMPOSE, ETHERNET, WLAN, TUN, TAILSCALE], HOME)
    assert advertised_addresses(found) == ["192.168.1.7", "192.168.1.8"]


def test_this_very_computer_can_be_read() -> None:
    assert all(isinstance(candidate, Candidate) for candidate in candidates())


def test_admission_follows_the_addresses() -> None:
    found = rank([ETHERNET, DOCKER], HOME)
    admission = admission_for(found, port=7774, local_name="qrshare.local", public_host="Files.Example.org")
    assert admission.hosts == {
        "127.0.0.1:7774",
        "localhost:7774",
        "[::1]:7774",
        "192.168.1.7:7774",
        "172.17.0.1:7774",
        "qrshare.local:7774",
    }
    assert admission.ranked_host == "192.168.1.7:7774"
    assert admission.public_host == "files.example.org"
    assert "192.168.1.0/24" in map(str, admission.networks)


def test_a_chosen_host_is_the_only_one_beside_loopback() -> None:
    admission = admission_for(rank([ETHERNET, WLAN], HOME), port=80, host="192.168.1.8")
    assert admission.hosts == {
        *("127.0.0.1", "127.0.0.1:80", "localhost", "localhost:80", "[::1]", "[::1]:80"),
        *("192.168.1.8", "192.168.1.8:80"),  # a browser leaves port 80 out
    }
    assert admission.ranked_host == "192.168.1.8"
