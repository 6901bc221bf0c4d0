"""`qrshared doctor` at home: what keeps phones out is made, named, mended by the very command it gives, and gone."""

import asyncio
import json
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from qrshared.local import ControlClient
from qrshared.protocol.messages import StatusFacts, Topic
from tests.daemon.test_cli_processes import PROGRAM, READY_S, Home, next_line
from tests.namespaces import Host, home_network

pytestmark = pytest.mark.needs("netns", "nft")

HOME, PHONE = "192.168.7.2", "192.168.7.20"
PORT = 7774

Findings = list[dict[str, Any]]


class House:
    """A home with a computer and a phone; what is typed is typed at the computer."""

    def __init__(self, root: Path, computer: Host, phone: Host) -> None:
        self.home = Home(root)
        self.computer = computer
        self.phone = phone
        self.home.run_words = tuple(
            computer.command(*PROGRAM, "run", "--inbox", str(self.home.inbox), "--name", "STUDY-PC")
        )

    def doctor(self, *words: str, before: Sequence[str] = ()) -> tuple[int, Findings]:
        """The exit code, and every finding."""
        command = self.computer.command(*before, *PROGRAM, "doctor", "--json", "--inbox", str(self.home.inbox), *words)
        ended = subprocess.run(
            command, env=self.home.environment, capture_output=True, text=True, timeout=READY_S, check=False
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        findings: Findings = json.loads(ended.stdout)
        for finding in findings:
            assert set(finding) == {"check", "ok", "seen", "advice"}
            assert finding["ok"] or finding["advice"], "whatever is not well says what to do"
        assert (ended.returncode == 0) == all(finding["ok"] for finding in findings)
        return ended.returncode, findings

    def bad(self, *words: str, before: Sequence[str] = ()) -> dict[str, str]:
        """What is not well: check and advice."""
        return {one["check"]: one["advice"] for one in self.doctor(*words, before=before)[1] if not one["ok"]}

    def seen(self, check: str, *words: str) -> str:
        """What one check saw."""
        (found,) = (finding for finding in self.doctor(*words)[1] if finding["check"] == check)
        return str(found["seen"])

    def type(self, advice: str) -> None:
        """Type the command of an advice, as root."""
        begin = advice.index("sudo ")
        for command in advice[begin:].partition(" (")[0].split(" && "):
            self.computer.run(*shlex.split(command.removeprefix("sudo ")))

    def rules(self, text: str) -> None:
        """A firewall of the computer's own."""
        subprocess.run(self.computer.command("nft", "-f", "-"), input=text, text=True, check=True)

    def phone_gets_in(self) -> bool:
        """Whether a phone can open a connection to the port."""
        with self.phone.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOME, PORT)) == 0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with home_network(HOME, PHONE) as (computer, phone):
        yield House(tmp_path, computer, phone)


@contextmanager
def announced(house: House) -> Iterator[str]:
    """A daemon that others on the network know by name; what it printed until it was ready."""
    with house.home.daemon() as (_, said):
        asyncio.run(_wait_name(house.home.data_dir))
        yield said


async def _wait_name(data_dir: Path) -> None:
    """Wait until a daemon has found a free name."""
    async with (
        asyncio.timeout(READY_S),
        ControlClient(data_dir) as control,
        aclosing(control.watch((Topic.STATUS,))) as told,
    ):
        async for facts in told:
            if isinstance(facts, StatusFacts) and facts.local_name:
                return


CLOSED = """
table inet filter {
  chain input {
    type filter hook input priority 0; policy %s;
    iifname lo accept
    ct state established,related accept
    %s
  }
}
"""


def test_a_computer_at_home_is_well_with_a_daemon_and_without(house: House) -> None:
    code, findings = house.doctor()
    assert code == 0, findings
    assert "does not run" in house.seen("running")
    assert not house.home.inbox.exists(), "looking makes nothing"
    with announced(house) as said:
        assert HOME in said
        before = set(house.home.inbox.iterdir())
        code, findings = house.doctor()
        assert code == 0, findings
        told = {finding["check"]: finding["seen"] for finding in findings}
        plain, _, details = told["address"].partition(". In detail: ")
        assert plain == f"codes carry {HOME}, by which phones at home reach this computer"
        assert details.startswith(f"{HOME} (eth0): private, own default gateway")
        assert told["port"].startswith(f"{HOME}:{PORT} answers")
        assert told["mDNS"] == f"qrshare.local is answered on the wire with {HOME}"
        assert "placed in one step" in told["inbox"]
        assert house.seen("inbox", "--inbox", "/nowhere/at/all") == told["inbox"], "the daemon's folder is what matters"
        assert set(house.home.inbox.iterdir()) == before
        assert house.phone_gets_in()


def test_mdns_that_was_switched_off_by_a_flag_is_well(house: House) -> None:
    with house.home.daemon(("--no-mdns",)):
        code, findings = house.doctor()
        assert code == 0, findings
        assert house.seen("mDNS").startswith("switched off, as was chosen")


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        ("drop", ""),
        ("drop", "tcp dport 22 accept"),
        ("accept", f"tcp dport {PORT} drop"),
        ("accept", "iifname eth0 ip saddr 192.168.0.0/16 tcp dport 7000-8000 reject"),
        ("accept", "ct state vmap { new : drop, invalid : drop }"),
    ],
)
def test_a_firewall_is_named_and_the_command_opens_it(house: House, policy: str, rule: str) -> None:
    with house.home.daemon():
        house.rules(CLOSED % (policy, rule))
        assert not house.phone_gets_in(), "the rules are what they should be"
        advice = house.bad()["firewall"]
        assert f"sudo nft insert rule inet filter input tcp dport {PORT} accept" in advice
        house.type(advice)
        assert "firewall" not in house.bad()
        assert house.phone_gets_in()


def test_a_firewall_before_the_input_chain_is_named_too(house: House) -> None:
    with house.home.daemon():
        house.rules(
            f"table ip raw {{ chain early {{ type filter hook prerouting priority -300; tcp dport {PORT} drop; }}; }}"
        )
        assert not house.phone_gets_in()
        advice = house.bad()["firewall"]
        assert "ip raw early" in advice
        house.type(advice)
        assert house.bad() == {}
        assert house.phone_gets_in()


def test_other_peoples_rules_are_no_firewall(house: House) -> None:
    for rule in ("tcp dport 22 drop", "iifname docker0 drop", f"ip saddr 10.0.0.0/8 tcp dport {PORT} drop"):
        house.rules(f"flush ruleset\n{CLOSED % ('accept', rule)}")
        assert "firewall" not in house.bad(), rule


def test_a_port_that_even_this_computer_cannot_reach_is_named(house: House) -> None:
    with house.home.daemon():
        house.rules((CLOSED % ("accept", f"tcp dport {PORT} drop")).replace("iifname lo accept", ""))
        bad = house.bad()
        assert {"port", "firewall"} <= set(bad)
        house.type(bad["port"])
        assert not {"port", "firewall"} & set(house.bad())


def test_mdns_that_is_held_back_is_named_and_the_command_lets_it_in(house: House) -> None:
    house.rules(CLOSED % ("accept", "udp dport 5353 drop"))
    advice = house.bad()["mDNS"]
    assert "sudo nft insert rule inet filter input udp dport 5353 accept" in advice
    house.rules("flush ruleset")
    with announced(house):
        assert "mDNS" not in house.bad()
        house.rules(CLOSED % ("drop", f"tcp dport {PORT} accept"))
        bad = house.bad()
        assert set(bad) == {"mDNS"}
        house.type(bad["mDNS"])
        assert house.bad() == {}


def test_a_firewall_on_the_way_out_holds_mdns_back_too(house: House) -> None:
    house.rules("table inet filter { chain output { type filter hook output priority 0; udp dport 5353 drop; }; }")
    assert "mDNS" in house.bad()


def vpn(house: House, name: str = "tun0") -> None:
    house.computer.run("ip", "tuntap", "add", name, "mode", "tun")
    house.computer.run("ip", "address", "add", "10.8.0.2/24", "dev", name)
    house.computer.run("ip", "link", "set", name, "up")


def test_a_default_route_by_vpn_only_is_named(house: House) -> None:
    vpn(house)
    assert house.bad() == {}, "a VPN beside the home network is noticed, and no more"
    assert "tun0" in house.seen("VPN")
    assert "10.8.0.2 (tun0)" in house.seen("address")
    house.computer.run("ip", "route", "replace", "0.0.0.0/1", "dev", "tun0")
    house.computer.run("ip", "route", "replace", "128.0.0.0/1", "dev", "tun0")
    assert house.bad() == {}
    house.computer.run("ip", "route", "delete", "default")
    house.computer.run("ip", "route", "add", "default", "dev", "tun0")
    bad = house.bad()
    assert set(bad) == {"VPN"}
    assert "sudo ip rule add to 192.168.7.0/24 lookup main priority 100" in bad["VPN"]
    assert house.seen("address").startswith(f"codes carry {HOME}"), "codes carry the home address all the same"
    house.type(bad["VPN"])
    assert house.bad() == {}


@pytest.mark.parametrize(
    ("name", "command"), [("nordlynx", "nordvpn set lan-discovery enabled"), ("wg-mullvad", "mullvad lan set allow")]
)
def test_a_known_vpn_program_gets_its_own_command(house: House, name: str, command: str) -> None:
    vpn(house, name)
    house.computer.run("ip", "route", "replace", "default", "dev", name)
    assert command in house.bad()["VPN"]


def test_a_vpn_that_takes_the_home_network_too_is_named_and_the_command_takes_it_back(house: House) -> None:
    vpn(house)
    house.computer.run("ip", "route", "add", "default", "dev", "tun0", "table", "77")
    house.computer.run("ip", "rule", "add", "lookup", "77", "priority", "5000")
    with house.home.daemon():
        assert not house.phone_gets_in()
        bad = house.bad()
        assert "way home" in bad
        house.type(bad["way home"])
        assert "way home" not in house.bad()
        assert house.phone_gets_in()


def test_a_bridge_of_containers_is_noticed_and_never_chosen_before_the_home_network(tmp_path: Path) -> None:
    with home_network(HOME, PHONE) as (computer, phone):
        house = House(tmp_path, computer, phone)
        computer.run("ip", "link", "add", "docker0", "type", "bridge")
        computer.run("ip", "address", "add", "172.17.0.1/16", "dev", "docker0")
        computer.run("ip", "link", "set", "docker0", "up")
        assert house.bad() == {}
        assert "172.17.0.1 (docker0)" in house.seen("containers")
        assert house.seen("address").startswith(f"codes carry {HOME}")
        bad = house.bad("--host", "172.17.0.1")
        assert f"qrshared config set host {HOME}" in bad["address"]
        computer.set_link("down")
        computer.run("ip", "address", "flush", "dev", "eth0")
        assert "sudo ip link set eth0 up" in house.bad()["address"], "only containers are left"


def test_no_network_is_named_and_the_command_switches_it_on(house: House) -> None:
    house.computer.set_link("down")
    bad = house.bad()
    assert set(bad) == {"address"}
    house.type(bad["address"])
    assert house.bad() == {}
    house.computer.run("ip", "address", "flush", "dev", "eth0")
    assert "Ask for an address" in house.bad()["address"]
    house.computer.run("ip", "address", "add", "169.254.7.7/16", "dev", "eth0")
    assert "No router" in house.bad()["address"]
    house.computer.run("ip", "link", "delete", "eth0")
    assert "ip link" in house.bad()["address"]


def test_an_inbox_on_a_read_only_mount_is_named_with_the_command(house: House) -> None:
    inbox = house.home.inbox
    inbox.mkdir()
    assert house.bad() == {}
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, str(inbox))
    advice = house.bad(before=inside)["inbox"]
    assert f"sudo mount -o remount,rw {inbox}" in advice
    mended = script.replace("exec", 'mount -o remount,rw,bind "$0" && exec')
    assert house.bad(before=(*inside[:4], mended, str(inbox))) == {}


def test_an_inbox_in_memory_or_without_room_or_a_parent_is_named(house: House) -> None:
    inbox = house.home.inbox
    inbox.mkdir()
    script = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
    bad = house.bad(before=("unshare", "--mount", "sh", "-c", script, str(inbox)))
    assert set(bad) == {"sync", "disk"}
    inbox.rmdir()
    house.home.inbox = inbox / "deeper" / "down"
    assert f"mkdir -p {house.home.inbox}" in house.bad()["inbox"]


def test_a_port_that_another_program_has_is_named(house: House) -> None:
    with house.computer.socket() as other:
        other.bind(("0.0.0.0", PORT))
        other.listen()
        assert "config set port 7775" in house.bad()["port"]
    assert house.bad() == {}


def test_another_computer_of_the_same_name_is_told_from_this_one(house: House, tmp_path: Path) -> None:
    """The phone's place is taken by a second computer that runs qrshared."""
    second = House(tmp_path / "second", house.phone, house.computer)
    second.home.root.mkdir()
    with announced(second):
        assert "another computer's" in house.seen("mDNS")
        with announced(house):
            assert house.seen("mDNS") == f"qrshare-2.local is answered on the wire with {HOME}"
            assert house.bad() == {}


def test_a_daemon_for_this_computer_only_is_said_to_be_one(house: House) -> None:
    house.home.run_words = (*house.home.run_words, "--host", "127.0.0.1", "--no-mdns")
    with house.home.daemon():
        bad = house.bad("--no-mdns")
        assert set(bad) == {"address"}
        assert f"qrshared config set host {HOME}" in bad["address"]


def test_a_daemon_that_does_not_answer_is_named(house: House) -> None:
    with house.home.daemon() as (process, _):
        (house.home.data_dir / "control.sock").unlink()
        assert "does not answer" in house.seen("running")
        assert process.poll() is None
    assert "does not run" in house.seen("running")


def test_a_first_start_says_under_the_code_what_is_not_well_and_later_ones_do_not(house: House) -> None:
    house.rules(CLOSED % ("drop", "udp dport 5353 accept"))
    with house.home.daemon() as (process, said):
        assert "/p#1" in said
        line = next_line(process).rstrip(".\n")
        assert line.startswith("Firewall: ")
        assert f"sudo nft insert rule inet filter input tcp dport {PORT} accept" in line
        problems = json.loads(house.home.ask("status", "--json").stdout)["problems"]
        assert problems == [line], "and so it stands on the owner page"
    with announced(house):
        assert json.loads(house.home.ask("status", "--json").stdout)["problems"] == []


def test_with_an_edge_the_remote_part_follows(house: House) -> None:
    code, findings = house.doctor("--edge", "http://127.0.0.1:1", "--stun", "none")
    assert code == 1
    checks = [finding["check"] for finding in findings]
    assert len(checks) == len(set(checks))
    assert checks.index("running") < checks.index("edge") < checks.index("STUN") < checks.index("relay")
    assert [finding["check"] for finding in findings if not finding["ok"]] == ["edge"]
