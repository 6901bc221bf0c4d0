"""Finds the firewall that keeps phones out, and the exact command that lets them in. Nothing is changed here."""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from qrshared.cli.service.ruleset import Knock, blocking_chain, ruleset_of_iptables
from qrshared.cli.service.running import Run, run_program

LOOK_S = 5.0
"""A firewall's own tool answers at once, or hangs on a question for a password."""

MDNS_PORT, MDNS_GROUP = 5353, "224.0.0.251"
"""Where names ending in .local are asked for (RFC 6762)."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence for the person, and the command to copy."""

    sentence: str
    command: str


def firewall_advice(
    port: int,
    *,
    run: Run = run_program,
    etc: Path = Path("/etc"),
    is_root: bool | None = None,
    knock: Knock | None = None,
) -> Advice | None:
    """What blocks `port` from the home network, as far as one can see without asking for a password.

    `knock` is the packet to judge by, where more of it is known than its port.
    """
    knock = knock or Knock(port)
    if sys.platform == "win32":
        return _windows(port, run)
    if sys.platform == "darwin":
        return _macos(run)
    if is_root is None:
        is_root = os.geteuid() == 0
    return (
        _ufw(port, run, etc, is_root)
        or _firewalld(port, run)
        or _nftables(knock, run, etc, is_root)
        or _iptables(knock, run, is_root)
    )


def mdns_advice(
    *, run: Run = run_program, etc: Path = Path("/etc"), is_root: bool | None = None, interface: str | None = None
) -> Advice | None:
    """For when questions for this computer's name were seen not to come through: what probably holds them back."""
    if sys.platform in {"win32", "darwin"}:
        return None  # both let mDNS through for their own services
    if is_root is None:
        is_root = os.geteuid() == 0
    if _is_ufw_on(etc):
        return Advice("The firewall ufw may hold them back:", "sudo ufw allow 5353/udp comment mDNS")
    if run("firewall-cmd", "--state", within_s=LOOK_S).text.strip() == "running":
        return Advice(
            "The firewall firewalld may hold them back:",
            "sudo firewall-cmd --permanent --add-service=mdns && sudo firewall-cmd --reload",
        )
    knock = Knock(MDNS_PORT, protocol="udp", interface=interface, target=MDNS_GROUP)
    return _nftables(knock, run, etc, is_root) or _iptables(knock, run, is_root)


def _ufw(port: int, run: Run, etc: Path, is_root: bool) -> Advice | None:
    if not _is_ufw_on(etc):
        return None
    command = f"sudo ufw allow {port}/tcp comment qrshared && sudo ufw allow 5353/udp comment mDNS"
    if not is_root:
        return Advice(f"The firewall ufw is on. If phones cannot open the page, let them in to port {port}:", command)
    status = run("ufw", "status", within_s=LOOK_S)
    opened = re.search(rf"^{port}(?:/tcp)?\s+ALLOW\b", status.text, re.MULTILINE)
    if not status.is_fine or "inactive" in status.text or opened:
        return None
    return Advice(f"The firewall ufw keeps phones out of port {port}. Let them in:", command)


def _is_ufw_on(etc: Path) -> bool:
    try:
        text = (etc / "ufw" / "ufw.conf").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return re.search(r"^\s*ENABLED\s*=\s*yes", text, re.MULTILINE | re.IGNORECASE) is not None


def _firewalld(port: int, run: Run) -> Advice | None:
    if run("firewall-cmd", "--state", within_s=LOOK_S).text.strip() != "running":
        return None
    if run("firewall-cmd", f"--query-port={port}/tcp", within_s=LOOK_S).is_fine:
        return None
    return Advice(
        f"The firewall firewalld keeps phones out of port {port}. Let them in:",
        f"sudo firewall-cmd --permanent --add-port={port}/tcp --add-service=mdns && sudo firewall-cmd --reload",
    )


def _nftables(knock: Knock, run: Run, etc: Path, is_root: bool) -> Advice | None:
    if is_root:
        ran = run("nft", "-j", "list", "ruleset", within_s=LOOK_S)
        try:
            found = blocking_chain(json.loads(ran.text)["nftables"], knock.port, knock=knock) if ran.is_fine else None
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if found is None:
            return None
        where = " ".join(found)
        return Advice(
            f"The firewall (nftables, chain {where}) keeps {_visitors(knock)} out of port {knock.port}. Let them in, "
            "and add the same rule to /etc/nftables.conf so that it stays:",
            f"sudo nft insert rule {where} {knock.protocol} dport {knock.port} accept",
        )
    if not run("systemctl", "is-active", "--quiet", "nftables", within_s=LOOK_S).is_fine:
        return None
    try:
        text = (etc / "nftables.conf").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    chain_text = re.search(r"hook\s+input\b[^;]*;\s*(?:policy\s+drop)", text)
    if not chain_text or re.search(rf"dport\b[^\n]*\b{knock.port}\b", text):
        return None
    return Advice(
        f"The firewall nftables seems to keep {_visitors(knock)} out of port {knock.port}. Let them in:",
        f"sudo nft insert rule inet filter input {knock.protocol} dport {knock.port} accept",
    )


def _iptables(knock: Knock, run: Run, is_root: bool) -> Advice | None:
    """Its older kind, whose rules nft does not list."""
    if not is_root:
        return None
    for program in ("iptables-legacy", "iptables"):
        ran = run(program, "-S", within_s=LOOK_S)
        try:
            found = blocking_chain(ruleset_of_iptables(ran.text), knock.port, knock=knock) if ran.is_fine else None
        except ValueError:  # a quotation nobody closed
            found = None
        if found is not None:
            return Advice(
                f"The firewall (iptables, chain {found[2]}) keeps {_visitors(knock)} out of port {knock.port}. "
                "Let them in, and save the rules so that they stay:",
                f"sudo {program} -I {found[2]} -p {knock.protocol} --dport {knock.port} -j ACCEPT",
            )
    return None


def _visitors(knock: Knock) -> str:
    return "phones" if knock.protocol == "tcp" else "questions for this computer's name"


def _windows(port: int, run: Run) -> Advice | None:
    if run("netsh", "advfirewall", "firewall", "show", "rule", "name=qrshared", within_s=LOOK_S).is_fine:
        return None
    return Advice(
        "If phones cannot open the page, let them in (in a terminal opened as administrator):",
        "netsh advfirewall firewall add rule name=qrshared dir=in action=allow protocol=TCP "
        f"localport={port} profile=private",
    )


def _macos(run: Run) -> Advice | None:
    tool = "/usr/libexec/ApplicationFirewall/socketfilterfw"
    if "enabled" not in run(tool, "--getglobalstate", within_s=LOOK_S).text.lower():
        return None
    return Advice(
        "The firewall of macOS is on. If phones cannot open the page, let them in:",
        f"sudo {tool} --add '{sys.executable}' --unblockapp '{sys.executable}'",
    )
