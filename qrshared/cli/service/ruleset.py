"""Plays a phone's first packet through the rules of nftables or iptables: which chain keeps it out? Pure.

What a rule asks that one cannot know (a rate, a mark) counts in the firewall's favour: it may let the packet in, and it
is not said to keep it out.
"""

import fnmatch
import ipaddress
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Ruleset = Sequence[Mapping[str, object]]

_SILENT: Final = {"counter", "log", "comment", "notrack", "mangle"}
"""Statements that decide nothing."""

_WAY_IN: Final = {"ingress", "prerouting", "input"}
_FAMILIES: Final = {"ip", "inet", "netdev"}
"""Where a packet for this computer passes; accepted in one chain, it still has to pass the others."""

_JUMPS_MAX: Final = 16
"""As deep as the kernel itself lets chains call each other (NFT_JUMP_STACK_SIZE)."""

_CLIENT_PORT: Final = 50_000
"""Any port from which a phone's browser would come."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A packet that begins something new; parts that are not known are None."""

    port: int
    protocol: str = "tcp"
    interface: str | None = None
    source: str | None = None
    target: str | None = None


def blocking_chain(ruleset: Ruleset, port: int, *, knock: Knock | None = None) -> tuple[str, str, str] | None:
    """Family, table and name of the chain of `nft -j list ruleset` that keeps the packet out, if one does."""
    played = _Rules(ruleset, knock or Knock(port))
    for chain in played.input_chains():
        if played.verdict_of(chain) == "drop":
            return chain
    return None


Chain = tuple[str, str, str]


class _Rules:
    """A ruleset by chain, and one packet on its way through."""

    def __init__(self, ruleset: Ruleset, knock: Knock) -> None:
        self._knock = knock
        self._chains: dict[Chain, Mapping[str, object]] = {}
        self._rules: dict[Chain, list[Sequence[object]]] = {}
        self._sets: dict[Chain, object] = {}
        for entry in ruleset:
            chain, members, rule = (entry.get(kind) for kind in ("chain", "set", "rule"))
            if isinstance(chain, dict):
                self._chains[_place(chain, "name")] = chain
            if isinstance(members, dict):
                self._sets[_place(members, "name")] = members.get("elem")
            if isinstance(rule, dict) and isinstance(rule.get("expr"), list):
                self._rules.setdefault(_place(rule, "chain"), []).append(rule["expr"])

    def input_chains(self) -> Iterator[Chain]:
        for place, chain in self._chains.items():
            if chain.get("hook") in _WAY_IN and chain.get("type", "filter") == "filter" and place[0] in _FAMILIES:
                yield place

    def verdict_of(self, chain: Chain) -> str:
        """`accept` or `drop`: what the rules say, else the chain's policy."""
        return self._walk(chain, 0) or str(self._chains[chain].get("policy") or "accept")

    def _walk(self, chain: Chain, depth: int) -> str | None:
        """None when no rule decides."""
        if depth > _JUMPS_MAX:
            return None
        for expression in self._rules.get(chain, ()):
            fits, verdict = self._judge(expression, chain)
            if fits is False or verdict is None:
                continue
            kind, target = verdict
            if kind == "return":
                if fits:
                    return None
                continue
            decided: str | None = "drop" if kind in {"drop", "reject"} else "accept"
            if kind in {"jump", "goto"}:
                decided = self._walk((*chain[:2], target), depth + 1)
            if decided == "accept" or (decided == "drop" and fits):
                return decided
            if kind == "goto" and fits:
                return None
        return None

    def _judge(self, expression: Sequence[object], chain: Chain) -> "tuple[bool | None, tuple[str, str] | None]":
        """Whether the packet fits (None: cannot be known), and the rule's verdict with its target."""
        fits: bool | None = True
        verdict = None
        for part in expression:
            if not isinstance(part, dict) or not part:
                continue
            kind, content = next(iter(part.items()))
            if kind in {"accept", "drop", "reject", "return", "jump", "goto"}:
                verdict = _verdict(part)
                continue
            if kind in _SILENT:
                continue
            if kind == "vmap" and isinstance(content, dict):
                answer, verdict = self._look_up(content, chain)
            else:
                answer = self._match(content, chain) if kind == "match" and isinstance(content, dict) else None
            if answer is False:
                return False, None
            fits = fits and answer if answer is not None else None
        return fits, verdict

    def _look_up(self, content: Mapping[str, object], chain: Chain) -> "tuple[bool | None, tuple[str, str] | None]":
        members = content.get("data")
        pairs = members.get("set") if isinstance(members, dict) else None
        known, value = self._value(content.get("key"))
        if not known or not isinstance(pairs, list):
            return (None if value is None else False), None
        for pair in pairs:
            if isinstance(pair, list) and len(pair) == 2 and self._holds(pair[0], value, chain):
                return True, _verdict(pair[1])
        return False, None

    def _match(self, content: Mapping[str, object], chain: Chain) -> bool | None:
        known, value = self._value(content.get("left"))
        if not known:
            return None if value is None else False
        holds = self._holds(content.get("right"), value, chain)
        return (not holds if content.get("op") == "!=" else holds) if holds is not None else None

    def _value(self, left: object) -> tuple[bool, object]:
        """(True, value) of this packet; (False, None): not known; (False, ""): no packet like ours has that at all."""
        knock = self._knock
        if not isinstance(left, dict):
            return False, None
        payload, meta, ct, fib = (left.get(kind) for kind in ("payload", "meta", "ct", "fib"))
        value: object = None
        if isinstance(payload, dict):
            protocol, field = payload.get("protocol"), str(payload.get("field"))
            if protocol not in {"ip", "th", "ether", knock.protocol}:
                return False, ""
            value = {
                "dport": knock.port, "sport": _CLIENT_PORT, "protocol": knock.protocol, "saddr": knock.source,
                "daddr": knock.target,
            }.get(field) if protocol != "ether" else None  # fmt: skip
        elif isinstance(meta, dict):
            value = {
                "iifname": knock.interface, "iif": knock.interface, "l4proto": knock.protocol, "nfproto": "ipv4",
                "protocol": "ip",
            }.get(str(meta.get("key")))  # fmt: skip
            if value is None and meta.get("key") in {"iif", "iifname"}:
                value = "?"  # not known by name, but certainly not the loopback
        elif isinstance(ct, dict):
            value = {"state": "new", "direction": "original"}.get(str(ct.get("key")))
        elif isinstance(fib, dict) and fib.get("result") == "type" and fib.get("flags") == ["daddr"]:
            value = "local" if knock.protocol == "tcp" else "multicast"
        return value is not None, value

    def _holds(self, right: object, value: object, chain: Chain) -> bool | None:
        """Whether `value` is, or is in, what stands at the right of a comparison."""
        match right:
            case {"set": list() as members} | list(members):
                answers = [self._holds(member, value, chain) for member in members]
                return True if True in answers else None if None in answers else False
            case {"range": [low, high]}:
                return _between(low, value, high)
            case {"prefix": {"addr": str(address), "len": int(length)}}:
                return _within(value, f"{address}/{length}")
            case {"elem": {"val": member}}:
                return self._holds(member, value, chain)
            case str() if right.startswith("@"):
                elements = self._sets.get((*chain[:2], right[1:]), None)
                return None if elements is None else self._holds(elements, value, chain)
            case str() | int() if value == "?":
                return False if right == "lo" else None
            case str():
                return fnmatch.fnmatchcase(str(value), right)
            case int():
                return value == right
        return None


def _place(thing: Mapping[str, object], name: str) -> Chain:
    return str(thing.get("family")), str(thing.get("table")), str(thing.get(name))


def _verdict(part: object) -> tuple[str, str] | None:
    if not isinstance(part, dict) or not part:
        return None
    kind, content = next(iter(part.items()))
    return str(kind), str(content.get("target")) if isinstance(content, dict) else ""


def _between(low: object, value: object, high: object) -> bool | None:
    if isinstance(low, int) and isinstance(value, int) and isinstance(high, int):
        return low <= value <= high
    try:
        first, here, last = (int(ipaddress.IPv4Address(str(each))) for each in (low, value, high))
    except ValueError:
        return None
    return first <= here <= last


def _within(value: object, network: str) -> bool | None:
    try:
        return ipaddress.ip_address(str(value)) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return None


# --- iptables ----------------------------------------------------------------------------------------------------


def ruleset_of_iptables(text: str) -> Ruleset:
    """What `iptables -S` prints, as the same rules in the form of `nft -j`."""
    found: list[Mapping[str, object]] = []
    table = {"family": "ip", "table": "filter"}
    for line in text.splitlines():
        match shlex.split(line):
            case ["-P", name, policy]:
                hook = {"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}.get(name, "")
                found.append({"chain": {**table, "name": name, "hook": hook, "policy": policy.lower()}})
            case ["-A", name, *words]:
                found.append({"rule": {**table, "chain": name, "expr": list(_expressions(words))}})
    return found


def _expressions(words: Sequence[str]) -> Iterator[Mapping[str, object]]:
    rest = iter(words)
    op = "=="
    for word in rest:
        if word == "!":
            op = "!="
            continue
        value = next(rest, "")
        if word in {"-j", "-g"}:
            known = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}.get(value)
            jump = "jump" if word == "-j" else "goto"
            if value in {"LOG", "NFLOG"}:
                return
            yield {known: None} if known else {jump: {"target": value}}
            return
        if word not in {"-m", "--comment"}:  # loads a module; says something
            yield {"match": {"op": op, "left": _LEFTS.get(word), "right": _right(word, value)}}
        op = "=="


_LEFTS: Final[Mapping[str, object]] = {
    "-p": {"meta": {"key": "l4proto"}},
    "-i": {"meta": {"key": "iifname"}},
    "-s": {"payload": {"protocol": "ip", "field": "saddr"}},
    "-d": {"payload": {"protocol": "ip", "field": "daddr"}},
    "--dport": {"payload": {"protocol": "th", "field": "dport"}},
    "--dports": {"payload": {"protocol": "th", "field": "dport"}},
    "--sport": {"payload": {"protocol": "th", "field": "sport"}},
    "--ctstate": {"ct": {"key": "state"}},
    "--state": {"ct": {"key": "state"}},
}


def _right(word: str, value: str) -> object:
    if word in {"-s", "-d"}:
        address, _, length = value.partition("/")
        return {"prefix": {"addr": address, "len": int(length) if length.isdigit() else 32}}
    if word in {"--dport", "--dports", "--sport"}:
        return {"set": [_ports(part) for part in value.split(",")]}
    if word in {"--ctstate", "--state"}:
        return {"set": value.lower().split(",")}
    return value.replace("+", "*") if word == "-i" else value


def _ports(part: str) -> object:
    low, colon, high = part.partition(":")
    if not colon:
        return int(low) if low.isdigit() else part
    return {"range": [int(low or 0), int(high or 65_535)]}
