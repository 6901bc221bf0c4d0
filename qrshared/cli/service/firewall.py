"""Finds the firewall that keeps phones out, and the exact command that lets them in. Nothing is changed here."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qrshared.cli.service.running import Run, run_program

LOOK_S = 5.0
"""A firewall's own tool answers at once, or hangs on a question for a password."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence for the person, and the command to copy."""

    sentence: str
    command: str


def firewall_advice(
    port: int, *, run: Run = run_program, etc: Path = Path("/etc"), is_root: bool | None = None
) -> Advice | None:
    """What blocks `port` from the home network, as far as one can see without asking for a password."""
    if sys.platform == "win32":
        return _windows(port, run)
    if sys.platform == "darwin":
        return _macos(run)
    if is_root is None:
        is_root = os.geteuid() == 0
    return _ufw(port, run, etc, is_root) or _firewalld(port, run) or _nftables(port, run, etc, is_root)


def _ufw(port: int, run: Run, etc: Path, is_root: bool) -> Advice | None:
    try:
        text = (etc / "ufw" / "ufw.conf").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not re.search(r"^\s*ENABLED\s*=\s*yes", text, re.MULTILINE | re.IGNORECASE):
        return None
    command = f"sudo ufw allow {port}/tcp comment qrshared && sudo ufw allow 5353/udp comment mDNS"
    if not is_root:
        return Advice(f"The firewall ufw is on. If phones cannot open the page, let them in to port {port}:", command)
    status = run("ufw", "status", within_s=LOOK_S)
    opened = re.search(rf"^{port}(?:/tcp)?\s+ALLOW\b", status.text, re.MULTILINE)
    if not status.is_fine or "inactive" in status.text or opened:
        return None
    return Advice(f"The firewall ufw keeps phones out of port {port}. Let them in:", command)


def _firewalld(port: int, run: Run) -> Advice | None:
    if run("firewall-cmd", "--state", within_s=LOOK_S).text.strip() != "running":
        return None
    if run("firewall-cmd", f"--query-port={port}/tcp", within_s=LOOK_S).is_fine:
        return None
    return Advice(
        f"The firewall firewalld keeps phones out of port {port}. Let them in:",
        f"sudo firewall-cmd --permanent --add-port={port}/tcp --add-service=mdns && sudo firewall-cmd --reload",
    )


def _nftables(port: int, run: Run, etc: Path, is_root: bool) -> Advice | None:
    if is_root:
        ran = run("nft", "-j", "list", "ruleset", within_s=LOOK_S)
        try:
            found = blocking_chain(json.loads(ran.text)["nftables"], port) if ran.is_fine else None
        except (ValueError, KeyError, TypeError):
            return None
        if found is None:
            return None
        family, table, chain = found
        where = f"{family} {table} {chain}"
        return Advice(
            f"The firewall (nftables, chain {where}) keeps phones out of port {port}. Let them in, and add the same "
            "rule to /etc/nftables.conf so that it stays:",
            f"sudo nft insert rule {where} tcp dport {port} accept",
        )
    if not run("systemctl", "is-active", "--quiet", "nftables", within_s=LOOK_S).is_fine:
        return None
    try:
        text = (etc / "nftables.conf").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    chain_text = re.search(r"hook\s+input\b[^;]*;\s*(?:policy\s+drop)", text)
    if not chain_text or re.search(rf"dport\b[^\n]*\b{port}\b", text):
        return None
    return Advice(
        f"The firewall nftables seems to keep phones out of port {port}. Let them in:",
        f"sudo nft insert rule inet filter input tcp dport {port} accept",
    )


def blocking_chain(ruleset: Sequence[Mapping[str, object]], port: int) -> tuple[str, str, str] | None:
    """The first input chain of `nft -j list ruleset` that drops by default and has no rule for `port`."""
    chains = [entry["chain"] for entry in ruleset if isinstance(entry.get("chain"), dict)]
    rules = [entry["rule"] for entry in ruleset if isinstance(entry.get("rule"), dict)]
    for chain in chains:
        if not isinstance(chain, dict) or chain.get("hook") != "input":
            continue
        family, table, name = (str(chain.get(key)) for key in ("family", "table", "name"))
        # Rules of the whole table: the input chain often jumps into others.
        own = [
            rule
            for rule in rules
            if isinstance(rule, dict) and (rule.get("family"), rule.get("table")) == (family, table)
        ]
        drops = chain.get("policy") == "drop" or any(
            _ends_in_refusal(rule) for rule in own if rule.get("chain") == name
        )
        if drops and family in {"ip", "inet"} and not any(lets_in(rule.get("expr"), port) for rule in own):
            return family, table, name
    return None


def _ends_in_refusal(rule: Mapping[str, object]) -> bool:
    """A rule that refuses whatever still comes, as some set-ups write instead of a policy."""
    expression = rule.get("expr")
    return isinstance(expression, list) and len(expression) == 1 and bool({"drop", "reject"} & set(expression[0]))


def lets_in(expression: object, port: int) -> bool:
    """Whether a rule accepts new TCP connections from the home network to `port`."""
    if not isinstance(expression, list) or not any("accept" in part for part in expression if isinstance(part, dict)):
        return False
    for part in expression:
        match = part.get("match") if isinstance(part, dict) else None
        if isinstance(match, dict) and not _may_match(match, port):
            return False
    return True


def _may_match(match: Mapping[str, object], port: int) -> bool:
    """Whether a new connection from the home network could fit; what one cannot tell counts as fitting."""
    left, right = match.get("left"), match.get("right")
    if not isinstance(left, dict) or "ct" in left:
        return False  # answers to connections of our own
    payload, meta = left.get("payload"), left.get("meta")
    if isinstance(payload, dict):
        protocol, field = payload.get("protocol"), payload.get("field")
        if field == "dport":
            return protocol != "udp" and match.get("op") in {"==", "in"} and _holds(right, port)
        if field == "sport" or str(protocol).startswith("icmp"):
            return False
        return field not in {"protocol", "nexthdr"} or "tcp" in json.dumps(right)
    if isinstance(meta, dict) and meta.get("key") in {"iif", "iifname"}:
        return right != "lo"
    if isinstance(meta, dict) and meta.get("key") == "l4proto":
        return "tcp" in json.dumps(right)
    return True


def _holds(right: object, port: int) -> bool:
    """A number, a range or a set of both."""
    if isinstance(right, dict):
        bounds = right.get("range")
        if isinstance(bounds, list) and len(bounds) == 2:
            return int(bounds[0]) <= port <= int(bounds[1])
        members = right.get("set")
        return isinstance(members, list) and any(_holds(member, port) for member in members)
    if isinstance(right, list):
        return any(_holds(member, port) for member in right)
    return right == port


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
