"""What the doctor sees: addresses, neighbours, the wire, file systems, rules; on paper and on real file systems."""

import dataclasses
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qrshared.cli.checks.computer import _clock, _service
from qrshared.cli.checks.network import _firewall
from qrshared.cli.checks.surroundings import Surroundings
from qrshared.cli.service import Ran
from qrshared.cli.service.firewall import firewall_advice, mdns_advice
from qrshared.cli.service.ruleset import Knock, blocking_chain, ruleset_of_iptables
from qrshared.inbox import Rung
from qrshared.inbox.check import State, Sync, mount_of, try_inbox
from qrshared.lan.addresses import Interface, Routes, Trait, rank
from qrshared.lan.checks import (
    Answer,
    Kind,
    Neighbours,
    PortState,
    kind_of,
    neighbour_of,
    neighbours,
    network_devices,
    port_answers,
    port_state,
    sounds_like_guests,
)
from qrshared.lan.hearing import PACKET_BYTES_MAX, _addresses, _question, ask_for_name
from qrshared.protocol import DeviceFacts, PeerKind, RoadInUse, StatusFacts
from qrshared.settings import load_settings

# --- addresses and neighbours


@pytest.mark.parametrize(
    ("name", "address", "prefix", "traits", "kind"),
    [
        ("eth0", "192.168.1.7", 24, {Trait.PHYSICAL}, Kind.HOME),
        ("wlan0", "10.0.0.7", 24, {Trait.PHYSICAL}, Kind.HOME),
        ("eth0", "192.168.1.7", 24, {Trait.PHYSICAL, Trait.DOWN}, Kind.DOWN),
        ("tun0", "10.8.0.2", 24, {Trait.TUNNEL}, Kind.VPN),
        ("tun0", "10.8.0.2", 24, {Trait.TUNNEL, Trait.DOWN}, Kind.VPN),
        ("wg0", "10.2.0.2", 32, set(), Kind.VPN),
        ("tailscale0", "100.101.102.103", 32, set(), Kind.VPN),
        ("docker0", "172.17.0.1", 16, {Trait.BRIDGE, Trait.DOWN}, Kind.VIRTUAL),
        ("br0", "10.1.0.1", 24, {Trait.BRIDGE}, Kind.VIRTUAL),
        ("br0", "192.168.1.7", 24, {Trait.LAN_BRIDGE}, Kind.HOME),
        ("vEthernet (WSL)", "172.20.0.1", 20, set(), Kind.VIRTUAL),
        ("eth0", "169.254.7.7", 16, {Trait.PHYSICAL}, Kind.SELF_ASSIGNED),
        ("eth0", "8.8.8.8", 24, {Trait.PHYSICAL}, Kind.PUBLIC),
    ],
)
def test_every_address_is_called_what_it_is(
    name: str, address: str, prefix: int, traits: set[Trait], kind: Kind
) -> None:
    (found,) = rank([Interface(name, ((address, prefix),), frozenset(traits))], Routes())
    assert kind_of(found) is kind


def test_a_neighbour_is_another_address_of_the_network() -> None:
    for address, prefix, expected in (
        ("192.168.1.1", 24, "192.168.1.2"),
        ("192.168.1.7", 24, "192.168.1.1"),
        ("10.2.0.2", 32, None),
        ("10.2.0.2", 31, "10.2.0.3"),
    ):
        (found,) = rank([Interface("eth0", ((address, prefix),))], Routes())
        assert neighbour_of(found) == expected


def proc(tmp_path: Path, *rows: str) -> Path:
    (tmp_path / "route").write_text(
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        f"eth0 00000000 {socket.htonl(0xC0A80101):08X} 0003 0 0 0 00000000 0 0 0\n"
        f"eth0 {socket.htonl(0xC0A80100):08X} 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    )
    head = "IP address       HW type     Flags       HW address            Mask     Device\n"
    (tmp_path / "arp").write_text(head + "".join(f"{row}\n" for row in rows))
    return tmp_path


def test_whom_the_kernel_remembers_is_counted_apart_from_the_router(tmp_path: Path) -> None:
    router = "192.168.1.1 0x1 0x2 02:00:00:00:00:01 * eth0"
    silent = "192.168.1.9 0x1 0x0 00:00:00:00:00:00 * eth0"
    phone = "192.168.1.20 0x1 0x2 02:00:00:00:00:02 * eth0"
    elsewhere = "10.0.0.9 0x1 0x2 02:00:00:00:00:03 * eth1"
    assert neighbours("eth0", proc=proc(tmp_path, router, silent, phone, elsewhere)) == Neighbours(1, has_router=True)
    assert neighbours("eth0", proc=proc(tmp_path, silent)) == Neighbours(0, has_router=False)
    assert neighbours("eth0", proc=tmp_path / "nowhere") is None


def test_devices_that_could_lead_home_are_told_from_the_others(tmp_path: Path) -> None:
    for name, flags in (
        ("lo", "0x9"),
        ("docker0", "0x1003"),
        ("tun0", "0x1091"),
        ("wlan0", "0x1002"),
        ("eth0", "0x1003"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags").write_text(f"{flags}\n")
    assert [(one.name, one.is_up) for one in network_devices(sys_net=tmp_path)] == [("eth0", True), ("wlan0", False)]


def test_guests_are_known_by_what_people_call_their_wifi() -> None:
    assert all(
        map(sounds_like_guests, ("FRITZ!Box Gastzugang", "Home Guest", "invités", "WLAN-Gäste", "Hotel-Hotspot"))
    )
    assert not any(map(sounds_like_guests, ("FRITZ!Box 7590", "home", "Gustav", "")))


# --- the port and the wire


def test_a_port_is_free_taken_or_answers_as_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        answering = threading.Thread(target=answer)
        answering.start()
        assert port_answers("127.0.0.1", port) is Answer.OTHER
        answering.join()
        assert port_state(port, address="127.0.0.1") is PortState.TAKEN
    assert port_answers("127.0.0.1", port) is Answer.REFUSED
    assert port_state(port, address="127.0.0.1") is PortState.FREE


def answer_to(question: bytes, name: str, address: str) -> bytes:
    """With the name compressed to a pointer at the question's, as responders write it."""
    head = question[:2] + struct.pack("!5H", 0x8400, 1, 1, 0, 0)
    return head + question[12:] + b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 10, 4) + socket.inet_aton(address)


def test_answers_are_read_and_nonsense_is_none() -> None:
    question = _question("qrshare.local", 7)
    good = answer_to(question, "qrshare.local", "192.168.1.7")
    assert _addresses(good, "QRshare.local.") == ["192.168.1.7"]
    assert _addresses(good, "other.local") == []
    assert _addresses(question, "qrshare.local") == [], "a question answers nothing"
    for length in range(len(good)):
        _addresses(good[:length], "qrshare.local")  # ends, and raises nothing
    circle = question[:2] + struct.pack("!5H", 0x8400, 0, 1, 0, 0) + b"\xc0\x0c" * 2
    assert _addresses(circle, "qrshare.local") == []
    assert _addresses(os.urandom(PACKET_BYTES_MAX), "qrshare.local") == []


def test_where_no_question_can_be_sent_it_is_said() -> None:
    heard = ask_for_name("qrshare.local", "192.0.2.250", wait_s=0.1)
    assert not heard.can_send
    assert heard.hears_questions is None


# --- the inbox


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"1")
    tried = try_inbox(tmp_path)
    assert (tried.state, tried.rung) == (State.FINE, Rung.RENAME)
    assert tried.room is not None
    assert [each.name for each in tmp_path.iterdir()] == ["photo.jpg"]
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert try_inbox(link).state is State.FINE, "a link is resolved, as the daemon does"


def test_what_is_no_folder_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert try_inbox(tmp_path / "file").state is State.NOT_A_FOLDER
    assert try_inbox(tmp_path / "file" / "inside").state is State.NOT_A_FOLDER
    assert try_inbox(tmp_path / "new").state is State.MISSING
    assert not (tmp_path / "new").exists()
    assert try_inbox(tmp_path / "new" / "deeper").state is State.NO_PARENT


@pytest.mark.needs("root")
def test_a_folder_of_somebody_else_is_forbidden(tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        states = (try_inbox(tmp_path).state, try_inbox(tmp_path / "new").state)
        os._exit(0 if states == (State.FORBIDDEN, State.FORBIDDEN) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@contextmanager
def mounted(tmp_path: Path, make: str, options: str) -> Iterator[Path]:
    image, point = tmp_path / "disk", tmp_path / "disk with space"
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    point.mkdir()
    subprocess.run([*make.split(), str(image)], check=True, capture_output=True)
    subprocess.run(["mount", "-o", options, str(image), str(point)], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)


@pytest.mark.needs("loop")
@pytest.mark.parametrize(
    ("make", "options", "state", "sync"),
    [
        ("mkfs.ext4 -q", "loop", State.FINE, Sync.HONOURED),
        ("mkfs.ext4 -q", "loop,barrier=0", State.FINE, Sync.SWITCHED_OFF),
        ("mkfs.ext4 -q", "loop,ro", State.READ_ONLY, None),
    ],
)
def test_a_real_disk_says_what_it_is(tmp_path: Path, make: str, options: str, state: State, sync: Sync | None) -> None:
    with mounted(tmp_path, make, options) as point:
        for folder in (point, point / "new") if state is State.READ_ONLY else (point,):
            tried = try_inbox(folder)
            assert (tried.state, tried.sync) == (state, sync)
            assert tried.mount is not None
            assert (tried.mount.kind, tried.mount.point) == ("ext4", str(point)), "a space in its name is one"


def test_the_last_mount_on_the_way_holds_the_folder(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "21 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "22 21 0:30 / /home rw shared:5 - btrfs /dev/vdb rw,subvol=/\n"
        "23 22 0:31 / /home/ann/QRShare rw - exfat /dev/sda1 rw\n"
        "24 21 0:32 / /homely rw - tmpfs none rw\n"
        "25 21 0:33 / /over rw - overlay overlay rw,volatile\n"
        "nonsense\n"
        "26 21 0:34 / /later rw - xfs /dev/sdb rw\n27 21 0:35 / /later rw - vfat /dev/sdc rw\n"
    )
    for path, kind in (
        ("/home/ann", "btrfs"), ("/home/ann/QRShare", "exfat"), ("/home/ann/QRShare/x", "exfat"), ("/srv", "ext4"),
        ("/homely/x", "tmpfs"), ("/over", "overlay"), ("/later", "vfat"),
    ):  # fmt: skip
        found = mount_of(Path(path), table)
        assert found is not None
        assert found.kind == kind, path
    assert mount_of(Path("/"), tmp_path / "nowhere") is None


# --- rules of iptables, on paper

IPTABLES = """-P INPUT {policy}
-P FORWARD DROP
-P OUTPUT ACCEPT
-N MORE
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
{rule}
-A MORE -p tcp -m multiport --dports 22,7000:8000 -m comment --comment "a b" -j ACCEPT
"""


@pytest.mark.parametrize(
    ("policy", "rule", "is_open"),
    [
        ("ACCEPT", "", True),
        ("DROP", "", False),
        ("DROP", "-A INPUT -p tcp -m tcp --dport 7774 -j ACCEPT", True),
        ("DROP", "-A INPUT -p udp -m udp --dport 7774 -j ACCEPT", False),
        ("DROP", "-A INPUT -j MORE", True),
        ("DROP", "-A INPUT -s 192.168.0.0/16 -j ACCEPT", True),
        ("DROP", "-A INPUT -s 10.0.0.0/8 -j ACCEPT", False),
        ("DROP", "-A INPUT ! -i eth+ -j ACCEPT", False),
        ("ACCEPT", "-A INPUT -j REJECT --reject-with icmp-host-prohibited", False),
        ("ACCEPT", "-A INPUT -p tcp -m tcp --dport 7774 -j DROP", False),
        ("ACCEPT", "-A INPUT -p tcp -m tcp ! --dport 22 -j DROP", False),
        ("ACCEPT", '-A INPUT -p tcp -m tcp --dport 7774 -j LOG --log-prefix "x "\n-A INPUT -p tcp -j DROP', False),
        ("ACCEPT", "-A INPUT -m limit --limit 5/min -j DROP", True),
        ("DROP", "-A INPUT -p tcp -m limit --limit 5/min -j ACCEPT", True),
    ],
)  # fmt: skip
def test_rules_of_iptables_are_read(policy: str, rule: str, is_open: bool) -> None:
    text = IPTABLES.format(policy=policy, rule=rule)
    knock = Knock(7774, interface="eth0", source="192.168.1.20", target="192.168.1.7")
    found = blocking_chain(ruleset_of_iptables(text), 7774, knock=knock)
    assert (found is None) == is_open

    def run(*command: str, within_s: float = 0) -> Ran:
        return Ran(0, text) if command == ("iptables-legacy", "-S") else Ran(127, "")

    advice = firewall_advice(7774, run=run, etc=Path("/nowhere"), is_root=True, knock=knock)
    assert (advice is None) == is_open
    if advice is not None:
        assert advice.command == "sudo iptables-legacy -I INPUT -p tcp --dport 7774 -j ACCEPT"
        mended = text.replace("-A INPUT -i lo", "-A INPUT -p tcp --dport 7774 -j ACCEPT\n-A INPUT -i lo")
        assert blocking_chain(ruleset_of_iptables(mended), 7774, knock=knock) is None


def test_chains_that_call_each_other_for_ever_end() -> None:
    circle = "-P INPUT DROP\n-N A\n-N B\n-A INPUT -j A\n-A A -j B\n-A B -j A\n"
    assert blocking_chain(ruleset_of_iptables(circle), 7774) == ("ip", "filter", "INPUT")


def test_mdns_gets_the_command_of_the_firewall_that_runs(tmp_path: Path) -> None:
    def firewalld(*command: str, within_s: float = 0) -> Ran:
        return Ran(0, "running") if command == ("firewall-cmd", "--state") else Ran(127, "")

    def nothing(*command: str, within_s: float = 0) -> Ran:
        return Ran(127, "")

    found = mdns_advice(run=firewalld, etc=tmp_path, is_root=True)
    assert found is not None
    assert "--add-service=mdns" in found.command
    assert mdns_advice(run=nothing, etc=tmp_path, is_root=True) is None
    (tmp_path / "ufw").mkdir()
    (tmp_path / "ufw" / "ufw.conf").write_text("ENABLED=yes\n")
    found = mdns_advice(run=nothing, etc=tmp_path, is_root=True)
    assert found is not None
    assert found.command.startswith("sudo ufw allow 5353/udp")


# --- firewall, clock and service


def around(tmp_path: Path, **answers: Ran) -> Surroundings:
    def run(*command: str, within_s: float = 0) -> Ran:
        return answers.get(command[0], Ran(127, "not found"))

    loaded = load_settings(flags={"data_dir": str(tmp_path)}, environment={})
    return Surroundings(loaded, None, (), Routes(), run)


def test_rules_that_only_root_may_read_are_not_said_to_be_none(tmp_path: Path) -> None:
    unreadable = _firewall(around(tmp_path, nft=Ran(1, "Operation not permitted")))
    assert unreadable.ok
    assert "as far as this user may look" in unreadable.seen
    assert "sudo nft list ruleset" in unreadable.advice
    assert "as far" not in _firewall(around(tmp_path, nft=Ran(0, '{"nftables": []}'))).seen


def test_a_phone_that_is_connected_proves_more_than_any_rule(tmp_path: Path) -> None:
    """Without root ufw says only that it is on; with a phone here nobody is sent to open what is open."""
    closed = dataclasses.replace(around(tmp_path), run=_closed_firewalld)
    assert not _firewall(closed).ok
    phone = DeviceFacts("d", "Ann", PeerKind.PHONE, "guest", (), 0, 0, online=True, road=RoadInUse.HOME)
    status = StatusFacts(
        "1", 1, "STUDY-PC", ("http://192.168.1.7:7774/",), None, "/inbox", 0, 1, 0, (), (), devices=(phone,)
    )
    assert _firewall(dataclasses.replace(closed, status=status)).ok
    away = dataclasses.replace(phone, road=RoadInUse.RELAY)
    status = dataclasses.replace(status, devices=(away, dataclasses.replace(phone, kind=PeerKind.LAPTOP)))
    assert not _firewall(dataclasses.replace(closed, status=status)).ok


def _closed_firewalld(*command: str, within_s: float = 0) -> Ran:
    return Ran(0, "running") if command == ("firewall-cmd", "--state") else Ran(1, "no")


def test_a_clock_before_the_installation_is_wrong(tmp_path: Path) -> None:
    installed = 1_700_000_000.0
    assert _clock(around(tmp_path), installed + 5, installed=installed).ok
    wrong = _clock(around(tmp_path), 0.0, installed=installed)
    assert not wrong.ok
    assert "sudo timedatectl set-ntp true" in wrong.advice
    unkept = _clock(around(tmp_path, timedatectl=Ran(0, "no")), installed, installed=installed)
    assert unkept.ok
    assert "timedatectl" in unkept.advice
    assert _clock(around(tmp_path, timedatectl=Ran(0, "yes")), installed, installed=installed).advice == ""


def test_a_service_is_looked_at_whether_it_runs_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert _service(around(tmp_path)).ok, "none is no fault"
    unit = tmp_path / "config" / "systemd" / "user" / "qrshared.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    shown = "ActiveState=active\nUnitFileState=enabled\nMainPID=7\nStatusText=Sending to STUDY-PC: http://192.168.1.7/"
    found = _service(around(tmp_path, systemctl=Ran(0, shown)))
    lingers = Path("/var/lib/systemd/linger", os.environ.get("USER", "root")).exists()
    assert found.ok == lingers
    assert lingers or "sudo loginctl enable-linger" in found.advice
    assert "Sending to" not in found.advice
    silent = _service(around(tmp_path, systemctl=Ran(1, "Failed to connect to bus")))
    assert not silent.ok
    assert "Failed to connect to bus" in silent.advice
