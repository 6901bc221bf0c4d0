"""A home network made of network namespaces: a bridge, a computer and phones, with nothing else on it.

Needs root and iproute2. Everything has a name of its own and is gone when the context ends.
"""

import asyncio
import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_numbers = itertools.count()

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
FRAME_HEADER_BYTES = 66
"""Ethernet 14, IPv4 20, TCP 20 with 12 of timestamps: what each frame of an open connection has beside its content."""


@dataclass(frozen=True)
class Host:
    """One machine on the network: its namespace and its address."""

    namespace: str
    address: str
    interface: str = "eth0"

    def command(self, *words: str) -> list[str]:
        """The words of a command that runs on this machine."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, *words: str) -> str:
        """Run a command on this machine; raises if it fails."""
        return subprocess.run(self.command(*words), check=True, capture_output=True, text=True).stdout

    async def start(self, *words: str, **how: object) -> asyncio.subprocess.Process:
        """Start a program on this machine."""
        return await asyncio.create_subprocess_exec(*self.command(*words), **how)  # type: ignore[arg-type] # handed through as it came

    def set_link(self, state: str) -> None:
        """Pull the plug ("down") or put it back ("up")."""
        self.run("ip", "link", "set", self.interface, state)

    def move_to(self, address: str) -> "Host":
        """Take another address, as after a new lease."""
        self.run("ip", "address", "flush", "dev", self.interface)
        self.run("ip", "address", "add", f"{address}/24", "brd", "+", "dev", self.interface)
        self.run("ip", "route", "replace", "default", "via", f"{address.rsplit('.', 1)[0]}.254")
        return Host(self.namespace, address, self.interface)

    def throttle(self, mbit: int) -> None:
        """Let this machine send no faster than so: what is in the middle of being sent can then be cut there."""
        self.run(
            "tc", "qdisc", "replace", "dev", self.interface, "root",
            "tbf", "rate", f"{mbit}mbit", "burst", "256kb", "latency", "50ms",
        )  # fmt: skip

    def sent_bytes(self) -> int:
        """What this machine has sent so far as content of TCP, repetitions counted again; a little too much, never too
        little, for the first frames of a connection carry more than the usual header."""
        # Not by a program in the namespace: this is asked many times a second, and each would be two new processes.
        table = self.inside(lambda: Path("/proc/thread-self/net/dev").read_text())
        rows = (line.partition(":") for line in table.splitlines())
        (counts,) = (counts.split() for name, _, counts in rows if name.strip() == self.interface)
        total, frames = int(counts[8]), int(counts[9])
        return total - FRAME_HEADER_BYTES * frames

    def reset_connections(self, port: int) -> None:
        """Reset every TCP connection with this local port, as a router that forgot them does."""
        self.run("ss", "--kill", "--tcp", "state", "established", "sport", "=", f":{port}")

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket of this machine for the test's own use."""
        return self.inside(lambda: socket.socket(family, kind))  # it stays where it was made

    def inside(self, what: Callable[[], T]) -> T:
        """What a function of the test gives on this machine."""
        with ThreadPoolExecutor(1, initializer=enter, initargs=(self.namespace,)) as thread:
            return thread.submit(what).result()


def enter(namespace: str) -> None:
    """Move the calling thread, for good, into a namespace: for threads that end there."""
    with Path(f"/run/netns/{namespace}").open("rb") as place:
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def can_make_namespaces() -> bool:
    """Whether this test run may make namespaces: root, with iproute2."""
    if os.geteuid() != 0:
        return False
    name = f"qrs-probe-{os.getpid()}"
    try:
        made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return made.returncode == 0


@contextlib.contextmanager
def home_network(*addresses: str) -> Iterator[list[Host]]:
    """One bridge in a namespace of its own, and one host for each address (all of one /24)."""
    network = f"qrs{os.getpid()}n{next(_numbers)}"
    names = [network, *(f"{network}h{i}" for i in range(len(addresses)))]
    made: list[str] = []

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", network, "link", "add", "br0", "type", "bridge")
        ip("-n", network, "link", "set", "br0", "up")
        hosts = []
        for i, (name, address) in enumerate(zip(names[1:], addresses, strict=True)):
            ip("-n", network, "link", "add", f"p{i}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", network, "link", "set", f"p{i}", "master", "br0", "up")
            ip("-n", name, "address", "add", f"{address}/24", "brd", "+", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "route", "add", "default", "via", f"{address.rsplit('.', 1)[0]}.254")
            hosts.append(Host(name, address))
        yield hosts
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
