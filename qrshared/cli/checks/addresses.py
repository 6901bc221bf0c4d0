"""Which address codes carry and why, what else is noticed, and whether answers to phones find their way."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from qrshared.cli.checks.surroundings import Surroundings
from qrshared.lan import Candidate
from qrshared.lan.checks import Kind, kind_of, leads_home, network_devices, reasons, vpn_with_everything
from qrshared.remote.checkup import Finding

TOLD_ADDRESSES = 8
"""More would hide the ones that matter; the rest is counted."""

_WHAT = {
    Kind.HOME: "a home network",
    Kind.VPN: "a VPN",
    Kind.VIRTUAL: "containers or virtual machines",
    Kind.SELF_ASSIGNED: "no router",
    Kind.PUBLIC: "a public network",
    Kind.DOWN: "not connected",
}


_PLAINLY = {
    Kind.HOME: "by which phones at home reach this computer",
    Kind.VPN: "which belongs to a VPN",
    Kind.VIRTUAL: "which containers or virtual machines of this computer use among themselves",
    Kind.SELF_ASSIGNED: "which this computer gave itself, as no router did",
    Kind.PUBLIC: "which belongs to a public network",
    Kind.DOWN: "of a network that is not connected",
}


def examine_addresses(around: Surroundings) -> list[Finding]:
    """The address, the ways, VPNs, containers."""
    findings = [_address(around)]
    if around.at_home is not None:
        findings.append(_way_home(around.at_home))
    return [*findings, _vpn(around), _containers(around)]


def _address(around: Surroundings) -> Finding:
    address, chosen = around.address, around.chosen
    if address is None:
        return _no_network()
    best = next((each for each in around.found if kind_of(each) is Kind.HOME), None)
    if chosen is None:
        is_loopback = address.startswith("127.") or address == "::1"
        seen = f"codes carry {address}, " + (
            "which only this computer itself reaches" if is_loopback else "which is no address of this computer"
        )
        return Finding("address", False, seen + _others(around.found, None), _choose_again(best))
    kind = kind_of(chosen)
    details = f"{_named(chosen)}: {', '.join(reasons(chosen))}{_others(around.found, chosen)}"
    seen = f"codes carry {chosen.address}, {_PLAINLY[kind]}. In detail: {details}"
    if kind is Kind.HOME:
        return Finding("address", True, seen)
    if kind is Kind.PUBLIC:
        return Finding("address", True, seen, "Phones on the same network reach it; nobody farther away is answered.")
    if best is not None:
        return Finding("address", False, seen, _choose_again(best))
    if kind is Kind.DOWN:
        return Finding("address", False, seen, f"{chosen.interface} is not connected. {_bring_up(chosen.interface)}")
    if kind is Kind.SELF_ASSIGNED:
        advice = (
            f"No router has given this computer an address. Ask for one again: {_ask_for_address(chosen.interface)}"
        )
        return Finding("address", False, seen, advice)
    advice = f"Phones at home do not reach {_WHAT[kind]}. Join the home network as well. {_bring_up(None)}"
    return Finding("address", False, seen, advice.strip())


def _named(candidate: Candidate) -> str:
    return f"{candidate.address} ({candidate.interface})"


def _others(found: Sequence[Candidate], chosen: Candidate | None) -> str:
    others = [each for each in found if each is not chosen]
    words = [f"{_named(each)}: {', '.join(reasons(each))}" for each in others[:TOLD_ADDRESSES]]
    if len(others) > TOLD_ADDRESSES:
        words.append(f"and {len(others) - TOLD_ADDRESSES} more")
    return f". Also here: {'; '.join(words)}" if words else ""


def _choose_again(best: Candidate | None) -> str:
    if best is None:
        return "Let qrshared choose, and start it again: qrshared config set host 0.0.0.0"
    command = f"qrshared config set host {best.address}"
    return f"Phones at home reach {best.address}. Use it, and start qrshared again: {command}"


def _no_network() -> Finding:
    return Finding(
        "address",
        False,
        "this computer is in no network that a phone could reach",
        f"Join the Wi-Fi of the home, or plug the cable in. {_bring_up(None)}".strip(),
    )


def _bring_up(name: str | None) -> str:
    """The command that switches the network on, where one can be named."""
    if sys.platform == "darwin":
        return "The Wi-Fi is switched on by: networksetup -setairportpower en0 on"
    if sys.platform == "win32":
        return "What is there is listed by: netsh interface show interface"
    devices = [each for each in network_devices() if name in {None, each.name}]
    down = next((each for each in devices if not each.is_up), None)
    if down is not None:
        return f"Switch the device on: sudo ip link set {down.name} up"
    if not devices:
        return "No network device is to be seen here; what the kernel has is listed by: ip link"
    if name is not None:
        return "It is switched on, and nothing is at the other end: see to the cable, or the Wi-Fi's password."
    return f"The device {devices[0].name} is switched on. Ask for an address: {_ask_for_address(devices[0].name)}"


def _ask_for_address(interface: str) -> str:
    if sys.platform == "darwin":
        return f"sudo ipconfig set {interface} DHCP"
    if sys.platform == "win32":
        return "ipconfig /renew"
    if shutil.which("nmcli"):
        return f"nmcli device connect {interface}"
    if shutil.which("networkctl"):
        return f"sudo networkctl reconfigure {interface}"
    return f"sudo dhclient {interface}"


# --- the way back, and VPNs --------------------------------------------------------------------------------------


def _way_home(chosen: Candidate) -> Finding:
    if leads_home(chosen):
        return Finding("way home", True, f"what is sent to {chosen.network} leaves by {chosen.interface}")
    return Finding(
        "way home",
        False,
        f"what is sent to {chosen.network} does not leave by {chosen.interface}",
        f"Answers to phones get lost, most likely in a VPN. Keep the home network out of it: {_keep_out(chosen)}",
    )


def _keep_out(chosen: Candidate) -> str:
    if sys.platform == "darwin":
        return f"sudo route -n add -net {chosen.network} -interface {chosen.interface}"
    if sys.platform == "win32":
        return f'New-NetRoute -DestinationPrefix {chosen.network} -InterfaceAlias "{chosen.interface}" (in PowerShell)'
    family = "" if chosen.is_ipv4 else "-6 "
    route = f"sudo ip {family}route replace {chosen.network} dev {chosen.interface} src {chosen.address}"
    # Before the rules that VPN programs add (wg-quick's stand right before 32 766), behind the kernel's own at 0.
    return f"{route} && sudo ip {family}rule add to {chosen.network} lookup main priority 100"


def _vpn(around: Surroundings) -> Finding:
    tunnels = [each for each in around.found if kind_of(each) is Kind.VPN]
    everything = vpn_with_everything(around.found, around.routes)
    if not tunnels:
        return Finding("VPN", True, "none was noticed")
    names = ", ".join(_named(each) for each in tunnels)
    home = around.at_home
    if everything is None or home is None:
        return Finding("VPN", True, f"{names} is noticed; it does not carry this computer's traffic")
    seen = f"everything but the home network goes through {_named(everything)}"
    advice = f"VPN programs often keep phones at home out as well. Let them in: {_let_local_in(everything, home)}"
    if sys.platform != "linux" or home.interface in around.routes.gateways:
        return Finding("VPN", True, seen, f"If phones cannot open the page: {advice}")
    rules = around.run("ip", "rule", "show", within_s=5)
    if rules.is_fine and f"to {home.network} lookup main" in rules.text:
        return Finding(
            "VPN", True, f"{seen}, which a rule of this computer keeps out of it", f"If phones still cannot: {advice}"
        )
    return Finding("VPN", False, f"{seen}: the default route leads only there", advice)


def _let_local_in(vpn: Candidate, home: Candidate) -> str:
    """Each program has a switch of its own; without a known one it is the route."""
    name = vpn.interface.lower()
    if "nordlynx" in name:
        return "nordvpn set lan-discovery enabled"
    if "mullvad" in name:
        return "mullvad lan set allow"
    if "tailscale" in name:
        return "sudo tailscale set --exit-node-allow-lan-access=true"
    return f'switch on "local network access" in the VPN program, or: {_keep_out(home)}'


# --- containers --------------------------------------------------------------------------------------------------


def _containers(
    around: Surroundings, *, marks: Sequence[Path] = (Path("/.dockerenv"), Path("/run/.containerenv"))
) -> Finding:
    virtual = [each for each in around.found if kind_of(each) is Kind.VIRTUAL]
    chosen = around.chosen
    looks_inner = chosen is not None and "private, though containers like it" in reasons(chosen)
    if looks_inner and any(mark.exists() for mark in marks):
        return Finding(
            "containers",
            False,
            "qrshared itself runs in a container, with an address that only this computer reaches",
            "Give the container the computer's own network: docker run --network host …, and start it again.",
        )
    if not virtual:
        return Finding("containers", True, "none was noticed")
    names = ", ".join(_named(each) for each in virtual)
    if chosen in virtual:
        return Finding(
            "containers",
            False,
            f"codes carry an address of {names}",
            _choose_again(next((each for each in around.found if kind_of(each) is Kind.HOME), None)),
        )
    return Finding("containers", True, f"{names}: noticed, and not what codes carry")
