"""Which firewall keeps phones out, and the command that lets them in: rulesets real and on paper."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from qrshared.cli.service import Ran, firewall_advice
from qrshared.cli.service.ruleset import blocking_chain
from qrshared.cli.service.running import Run

DROP = "table inet filter { chain input { type filter hook input priority 0; policy drop; %s } }"

CALLED = """table inet f {
    chain more { tcp dport 7774 accept; }
    chain input { type filter hook input priority 0; policy drop; jump more; }
}"""


def answers(**given: Ran) -> Run:
    def run(*command: str, within_s: float = 0) -> Ran:
        return given.get(command[0].replace("-", "_"), Ran(127, "not found"))

    return run


def ufw(tmp_path: Path, enabled: str) -> Path:
    (tmp_path / "ufw").mkdir()
    (tmp_path / "ufw" / "ufw.conf").write_text(f"# on boot\nENABLED={enabled}\nLOGLEVEL=low\n")
    return tmp_path


def test_no_firewall_no_advice(tmp_path: Path) -> None:
    assert firewall_advice(7774, run=answers(), etc=tmp_path, is_root=False) is None
    assert firewall_advice(7774, run=answers(), etc=ufw(tmp_path, "no"), is_root=True) is None


def test_ufw_gives_its_command(tmp_path: Path) -> None:
    etc = ufw(tmp_path, "yes")
    advice = firewall_advice(7774, run=answers(), etc=etc, is_root=False)
    assert advice is not None
    assert advice.command.startswith("sudo ufw allow 7774/tcp")
    closed = answers(ufw=Ran(0, "Status: active\n\n22/tcp ALLOW Anywhere\n17774/tcp ALLOW Anywhere"))
    assert firewall_advice(7774, run=closed, etc=etc, is_root=True) is not None
    opened = answers(ufw=Ran(0, "Status: active\n\n7774/tcp                   ALLOW       Anywhere"))
    assert firewall_advice(7774, run=opened, etc=etc, is_root=True) is None


def test_firewalld_is_asked_and_gives_its_command(tmp_path: Path) -> None:
    def run(*command: str, within_s: float = 0) -> Ran:
        if command[0] != "firewall-cmd":
            return Ran(127, "")
        return Ran(0, "running") if command[1] == "--state" else Ran(0 if "7774" in command[1] else 1, "")

    assert firewall_advice(7774, run=run, etc=tmp_path, is_root=False) is None
    advice = firewall_advice(7775, run=run, etc=tmp_path, is_root=False)
    assert advice is not None
    assert "--add-port=7775/tcp" in advice.command


def test_without_root_the_file_of_nftables_is_read(tmp_path: Path) -> None:
    run = answers(systemctl=Ran(0, ""))
    (tmp_path / "nftables.conf").write_text(DROP % "tcp dport 22 accept;")
    assert firewall_advice(7774, run=run, etc=tmp_path, is_root=False) is not None
    (tmp_path / "nftables.conf").write_text(DROP % "tcp dport { 22, 7774 } accept;")
    assert firewall_advice(7774, run=run, etc=tmp_path, is_root=False) is None


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"nftables": 5}', '{"nftables": [{"chain": 1}, {"rule": []}]}'])
def test_an_answer_nobody_understands_is_no_advice(tmp_path: Path, text: str) -> None:
    assert firewall_advice(7774, run=answers(nft=Ran(0, text)), etc=tmp_path, is_root=True) is None


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"qrfw{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.needs("netns", "nft")
@pytest.mark.parametrize(
    ("rules", "is_open"),
    [
        (DROP % "", False),
        (DROP % "tcp dport 22 accept;", False),
        (DROP % "udp dport 7774 accept;", False),
        (DROP % "tcp sport 7774 accept;", False),
        (DROP % "iif lo accept; ct state established,related accept; ip protocol icmp accept;", False),
        (DROP % "tcp dport 7774 drop;", False),
        (DROP % "tcp dport 7774 accept;", True),
        (DROP % "tcp dport { 22, 7000-8000 } accept;", True),
        (DROP % "ip saddr 192.168.0.0/16 accept;", True),
        ("table inet f { chain input { type filter hook input priority 0; policy accept; } }", True),
        ("table inet f { chain input { type filter hook input priority 0; policy accept; reject; } }", False),
        (CALLED, True),
        ("table inet f { chain forward { type filter hook forward priority 0; policy drop; } }", True),
    ],
)  # fmt: skip
def test_real_rulesets_are_read_and_the_command_opens_them(
    tmp_path: Path, namespace: str, rules: str, is_open: bool
) -> None:
    def inside(*command: str, within_s: float = 5) -> Ran:
        words = ["ip", "netns", "exec", namespace, *command]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        return Ran(ended.returncode, ended.stdout if ended.returncode == 0 else ended.stderr)

    def run(*command: str, within_s: float = 5) -> Ran:
        return inside(*command) if command[0] == "nft" else Ran(127, "")

    # nft wants a line's end before a closing brace when it reads rules from its arguments
    assert inside("nft", rules.replace("; ", ";\n").replace("} }", "}\n}\n")).is_fine
    advice = firewall_advice(7774, run=run, etc=tmp_path, is_root=True)
    assert (advice is None) == is_open
    if advice is not None:
        assert inside(*advice.command.removeprefix("sudo ").split()).is_fine
        assert firewall_advice(7774, run=run, etc=tmp_path, is_root=True) is None
        ruleset = json.loads(inside("nft", "-j", "list", "ruleset").text)["nftables"]
        assert blocking_chain(ruleset, 7775) is not None
