"""A home network made of network namespaces: a bridge, a computer and phones, with nothing else on it.

Needs root and iproute2. Everything has a name of its own and is gone when the context ends.
"""

import asyncio
import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

_numbers = itertools.count()


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
        return await asyncio.create_subprocess_exec(*self.command(*words), **how)  # type: ignore[arg-type]

    def set_link(self, state: str) -> None:
        """Pull the plug ("down") or put it back ("up")."""
        self.run("ip", "link", "set", self.interface, state)

    def move_to(self, address: str) -> "Host":
        """Take another address, as after a new lease."""
        self.run("ip", "address", "flush", "dev", self.interface)
        self.run("ip", "address", "add", f"{address}/24", "brd", "+", "dev", self.interface)
        self.run("ip", "route", "replace", "default", "via", f"{address.rsplit('.', 1)[0]}.254")
        return Host(self.namespace, address, self.interface)


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
