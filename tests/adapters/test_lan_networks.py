"""A network is told by its router's hardware address and its range, whatever the interface is called today."""

import sys
from pathlib import Path

import pytest

from qrshared.lan import Candidate, Network, read_network
from qrshared.lan.networks import gateway_of, mac_of, read_ssid
from tests.namespaces import home_network

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
tun0\t00000000\t0100080A\t0003\t0\t0\t50\t00000080\t0\t0\t0
wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0
eth1\t00000000\t00000000\t0001\t0\t0\t100\t00000000\t0\t0\t0
"""
NEIGHBOURS = """IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         AA:BB:cc:00:00:01     *        wlan0
192.168.1.1      0x1         0x2         aa:bb:cc:00:00:02     *        eth1
192.168.1.9      0x1         0x0         00:00:00:00:00:00     *        wlan0
"""
HERE = Candidate(90, "192.168.1.7", "wlan0", (), 24, is_lan=True)


def proc(folder: Path, routes: str = ROUTES, neighbours: str = NEIGHBOURS) -> Path:
    (folder / "route").write_text(routes)
    (folder / "arp").write_text(neighbours)
    return folder


def no_knock(_gateway: str) -> None:
    raise AssertionError("the router was known already")


def test_the_router_of_the_interface_itself_counts_and_a_vpn_does_not() -> None:
    assert gateway_of("wlan0", ROUTES) == "192.168.1.1"
    assert gateway_of("tun0", ROUTES) is None  # half the internet is no default route
    assert gateway_of("eth1", ROUTES) is None  # nor is one without a router
    assert gateway_of("wlan0", "") is None


def test_a_hardware_address_belongs_to_an_interface_and_zeros_are_none() -> None:
    assert mac_of("192.168.1.1", "wlan0", NEIGHBOURS) == "aa:bb:cc:00:00:01"
    assert mac_of("192.168.1.9", "wlan0", NEIGHBOURS) is None
    assert mac_of("192.168.1.1", "eth0", NEIGHBOURS) is None


def test_a_network_is_read_without_a_packet_where_the_router_is_known(tmp_path: Path) -> None:
    found = read_network("192.168.1.7", [HERE], proc=proc(tmp_path), knock=no_knock)
    assert found == Network("wlan0", "192.168.1.0/24", "192.168.1.1", "aa:bb:cc:00:00:01")
    assert found.name == "the network of 192.168.1.1"


def test_a_router_that_the_kernel_does_not_know_yet_is_knocked_at_once(tmp_path: Path) -> None:
    proc(tmp_path, neighbours="head\n")
    knocked: list[str] = []

    def knock(gateway: str) -> None:
        knocked.append(gateway)
        proc(tmp_path)

    found = read_network("192.168.1.7", [HERE], proc=tmp_path, knock=knock)
    assert found is not None
    assert (found.gateway_mac, knocked) == ("aa:bb:cc:00:00:01", ["192.168.1.1"])
    proc(tmp_path, neighbours="head\n")
    silent = read_network("192.168.1.7", [HERE], proc=tmp_path, knock=lambda _: None, ask_s=0.1)
    assert silent == Network("wlan0", "192.168.1.0/24", "192.168.1.1")


def test_without_a_router_interface_and_range_are_all_there_is(tmp_path: Path) -> None:
    found = read_network("192.168.1.7", [HERE], proc=proc(tmp_path, routes="head\n"), knock=no_knock)
    assert found == Network("wlan0", "192.168.1.0/24")
    assert found.name == "192.168.1.0/24 on wlan0"
    assert read_network(None, [HERE]) is None
    assert read_network("127.0.0.1", [HERE]) is None  # served on this computer only: that is no network


@pytest.mark.skipif(sys.platform != "linux", reason="wireless extensions are Linux's")
def test_what_is_no_wifi_has_no_name() -> None:
    assert read_ssid("lo") is None
    assert read_ssid("x" * 40) is None


READ = """
from qrshared.lan import candidates, choose, read_network
found = candidates()
here = read_network(choose(found), found)
print(here.gateway, here.gateway_mac, here.prefix)
"""


@pytest.mark.needs("netns")
def test_a_real_router_is_found_by_one_knock() -> None:
    root = str(Path(__file__).resolve().parents[2])
    with home_network("10.79.0.1", "10.79.0.254") as (home, router):
        mac = router.run("cat", "/sys/class/net/eth0/address").strip()
        said = home.run("env", f"PYTHONPATH={root}", sys.executable, "-c", READ).split()
        assert said == ["10.79.0.254", mac, "10.79.0.0/24"]
