"""Whether phones get through: the port, the firewall, the Wi-Fi, and the name that mDNS gives this computer."""

import re
import sys
import time

from qrshared.cli.checks.surroundings import Surroundings
from qrshared.cli.service import firewall_advice
from qrshared.cli.service.firewall import mdns_advice
from qrshared.cli.service.ruleset import Knock
from qrshared.cli.words import counted
from qrshared.lan import Candidate
from qrshared.lan.checks import (
    Answer,
    Neighbours,
    PortState,
    is_wireless,
    neighbour_of,
    neighbours,
    port_answers,
    port_state,
    sounds_like_guests,
)
from qrshared.lan.hearing import WAIT_S, Heard, ask_for_name
from qrshared.protocol import PeerKind, RoadInUse, StatusFacts
from qrshared.remote.checkup import Finding

ANNOUNCED_S = 15.0
"""A daemon that has just started needs 3 s to find a free name; a slow computer some more."""

IDLE_WAIT_S = 0.6
"""Enough for our own question to come back, and for another computer to answer it."""

LOCAL_NAME = "qrshare.local"
"""What is asked for while no daemon says which name is its own."""


def examine_network(around: Surroundings) -> list[Finding]:
    """Port, firewall, Wi-Fi, mDNS."""
    return [_port(around), _firewall(around), _wifi(around), _mdns(around)]


# --- the port ----------------------------------------------------------------------------------------------------


def _port(around: Surroundings) -> Finding:
    port, address = around.port, around.address
    if around.status is None:
        return _port_to_come(port)
    if address is None:
        return Finding("port", True, f"port {port} is open; there is no network to try it on")
    place = f"{address}:{port}" if ":" not in address else f"[{address}]:{port}"
    match port_answers(address, port):
        case Answer.OURS:
            return Finding("port", True, f"{place} answers, asked from this computer itself")
        case Answer.OTHER:
            return Finding(
                "port",
                False,
                f"another program answers at {place}",
                f"Choose another port, and start qrshared again: qrshared config set port {port + 1}",
            )
        case Answer.REFUSED:
            return Finding(
                "port",
                False,
                f"nothing answers at {place}",
                "qrshared may listen at another address only. Let it listen at all, and start it again: "
                "qrshared config set host 0.0.0.0",
            )
        case Answer.SWALLOWED:
            found = _advice(around, port)
            advice = (
                f"Let it through: {found}" if found else "A firewall on this computer does that: open the port in it."
            )
            return Finding(
                "port", False, f"what is sent to {place} is swallowed, even from this computer itself", advice
            )


def _port_to_come(port: int) -> Finding:
    match port_state(port):
        case PortState.TAKEN:
            return Finding(
                "port",
                False,
                f"port {port} is in use by another program",
                f"Stop that program, or choose another port: qrshared config set port {port + 1}",
            )
        case PortState.NOT_ALLOWED:
            return Finding(
                "port",
                False,
                f"this user may not open port {port}",
                "Choose one above 1023: qrshared config set port 7774",
            )
        case PortState.FREE:
            seen = f"port {port} is free" if port else "a free one will be taken"
            return Finding("port", True, f"{seen}; qrshared does not run at the moment")


def _advice(around: Surroundings, port: int) -> str | None:
    found = firewall_advice(port, run=around.run, knock=_knock(around, port))
    return None if found is None else found.command


def _knock(around: Surroundings, port: int) -> Knock:
    home = around.chosen
    if home is None or not home.is_ipv4:
        return Knock(port)
    return Knock(port, interface=home.interface, source=neighbour_of(home), target=home.address)


# --- the firewall ------------------------------------------------------------------------------------------------


def _firewall(around: Surroundings) -> Finding:
    port = around.port
    if port == 0:
        return Finding("firewall", True, "not tried: the port is not chosen before qrshared runs")
    phone = None if around.status is None else _phone_here(around.status)
    if phone is not None:
        return Finding("firewall", True, f"a phone is connected at this moment ({phone}): it lets phones in")
    advice = firewall_advice(port, run=around.run, knock=_knock(around, port))
    if advice is not None:
        sentence, _, what = advice.sentence.removesuffix(":").partition(". ")
        return Finding("firewall", False, sentence, f"{what or 'Let them in'}: {advice.command}")
    if sys.platform == "linux" and not around.run("nft", "list", "tables", within_s=5).is_fine:
        return Finding(
            "firewall",
            True,
            f"none was seen that keeps phones out of port {port}, as far as this user may look",
            "All rules are listed by: sudo nft list ruleset",
        )
    return Finding("firewall", True, f"none keeps phones out of port {port}")


def _phone_here(status: StatusFacts) -> str | None:
    """The name of a phone that is connected on the home network now."""
    return next(
        (
            one.name
            for one in status.devices
            if one.online and one.road is RoadInUse.HOME and one.kind in {PeerKind.PHONE, PeerKind.TABLET}
        ),
        None,
    )


# --- the Wi-Fi ---------------------------------------------------------------------------------------------------

_APART = (
    "If a phone cannot open the page: see that it is in the same Wi-Fi as this computer, not in the guests' one and "
    'not on mobile data; and switch off "AP isolation" (or "client isolation") in the router.'
)


def _wifi(around: Surroundings) -> Finding:
    """Only a second machine could tell for certain; what is said here is what was seen."""
    home = around.at_home
    if home is None:
        return Finding("Wi-Fi", True, "not tried: there is no home network")
    name = _wifi_name(around, home)
    if name is not None and sounds_like_guests(name):
        return Finding(
            "Wi-Fi",
            False,
            f'"{name}" sounds like a Wi-Fi for guests, which keep devices apart',
            "Let this computer join the Wi-Fi of the home, where the phones are.",
        )
    near = neighbours(home.interface)
    place = f'"{name}"' if name else home.interface
    return Finding("Wi-Fi", True, f"{place}: {_near_words(near)}", "" if near is not None and near.others else _APART)


def _near_words(near: Neighbours | None) -> str:
    if near is None:
        return "whether other devices are near is not told here"
    router = "the router answers" if near.has_router else "no router has answered lately"
    if near.others:
        return f"{counted(near.others, 'other device')} heard lately, so devices are not kept apart; {router}"
    return f"no other device was heard lately, which may be chance or devices being kept apart; {router}"


def _wifi_name(around: Surroundings, home: Candidate) -> str | None:
    if sys.platform == "win32":
        ran = around.run("netsh", "wlan", "show", "interfaces", within_s=5)
        found = re.search(r"^\s*SSID\s*:\s*(.+)$", ran.text, re.MULTILINE)
        return found[1].strip() if ran.is_fine and found else None
    if sys.platform == "linux" and is_wireless(home.interface):
        ran = around.run("iw", "dev", home.interface, "link", within_s=5)
        found = re.search(r"^\s*SSID: (.+)$", ran.text, re.MULTILINE)
        if ran.is_fine and found:
            return found[1].strip()
        ran = around.run("nmcli", "-g", "GENERAL.CONNECTION", "device", "show", home.interface, within_s=5)
        return ran.text.strip() or None if ran.is_fine else None
    return None  # macOS tells no program the name without a right of its own


# --- mDNS --------------------------------------------------------------------------------------------------------

_WITHOUT = "The code works without it."


def _mdns(around: Surroundings) -> Finding:
    status, home = around.status, around.at_home
    own = None if status is None else status.local_name
    if own is None and not around.settings.mdns:
        return Finding("mDNS", True, "switched off, as was chosen: the code works without it")
    if home is None or not home.is_ipv4:
        return Finding("mDNS", True, "not tried: there is no home network with an IPv4 address")
    name = own or LOCAL_NAME
    heard = ask_for_name(name, home.address, wait_s=WAIT_S if own else IDLE_WAIT_S)
    if not heard.can_send or heard.hears_questions is False:
        return _held_back(around, home, heard)
    if status is None:
        return _without_daemon(heard, name)
    if own is None:
        return _not_announced(status)
    return _answered(heard, name, home)


def _held_back(around: Surroundings, home: Candidate, heard: Heard) -> Finding:
    seen = "a question for this computer's name does not come in" if heard.can_send else "no question can be sent"
    advice = mdns_advice(run=around.run, interface=home.interface)
    if advice is not None:
        return Finding("mDNS", False, seen, f"{advice.sentence} {advice.command} ({_WITHOUT})")
    return Finding(
        "mDNS",
        False,
        seen,
        "Let UDP port 5353 through in the firewall of this computer; on most Linux systems: "
        f"sudo nft insert rule inet filter input udp dport 5353 accept ({_WITHOUT})",
    )


def _without_daemon(heard: Heard, name: str) -> Finding:
    if heard.answers:
        return Finding(
            "mDNS",
            True,
            f"{name} is another computer's here ({heard.answers[0][1]}); this one will be called by a number behind it",
        )
    return Finding("mDNS", True, "questions come in; qrshared does not run at the moment to answer them")


def _not_announced(status: StatusFacts) -> Finding:
    if time.time() - status.started_ms / 1000 < ANNOUNCED_S:
        return Finding(
            "mDNS", True, "questions come in; qrshared has just started and is still looking for a free name"
        )
    return Finding(
        "mDNS",
        False,
        "questions come in, but qrshared has not announced itself",
        f"Start it again (a service: systemctl --user restart qrshared). {_WITHOUT}",
    )


def _answered(heard: Heard, name: str, home: Candidate) -> Finding:
    if home.address in {address for _, address in heard.answers}:
        return Finding("mDNS", True, f"{name} is answered on the wire with {home.address}")
    if heard.answers:
        return Finding(
            "mDNS",
            False,
            f"{name} is answered by another computer ({heard.answers[0][1]})",
            "Start qrshared again, and it takes another name "
            f"(a service: systemctl --user restart qrshared). {_WITHOUT}",
        )
    if heard.hears_questions is None:
        return Finding(
            "mDNS",
            False,
            f"nobody answers for {name}: another program keeps port 5353 for itself",
            "If it is avahi: set disallow-other-stacks=no in /etc/avahi/avahi-daemon.conf, then "
            f"sudo systemctl restart avahi-daemon. {_WITHOUT}",
        )
    return Finding(
        "mDNS",
        False,
        f"questions come in, but nobody answers for {name}",
        f"Start qrshared again (a service: systemctl --user restart qrshared). {_WITHOUT}",
    )
