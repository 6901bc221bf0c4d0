"""Which parts of the system tests use, whether they are here, and the command that installs them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    """A program or a right that comes with the system and not with pip."""

    name: str
    is_here: Callable[[], bool]
    remedy: str


def _program(name: str, *, package: str | None = None, also: tuple[str, ...] = ()) -> Part:
    def is_here() -> bool:
        return any(find(program) for program in (name, *also))

    return Part(name, is_here, f"sudo apt-get install -y {package or name}")


def _can_make_namespaces() -> bool:
    """Root alone is not enough: a container may forbid it."""
    if sys.platform != "linux" or os.geteuid() != 0 or not find("ip"):
        return False
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0


def _can_mount_images() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    return Path("/dev/loop-control").exists() and find("mkfs.ext4") is not None


PARTS = {
    part.name: part
    for part in (
        _program("chromium", also=("chromium-browser", "google-chrome")),
        _program("firefox-esr", also=("firefox",)),
        _program("avahi-daemon", package="avahi-daemon avahi-utils dbus"),
        _program("avahi-browse", package="avahi-utils"),
        _program("dbus-daemon", package="dbus"),
        _program("nginx", package="nginx-light"),
        _program("nft", package="nftables"),
        _program("tcpdump"),
        _program("strace"),
        _program("zbarimg", package="zbar-tools"),
        _program("systemd-analyze", package="systemd"),
        _program("coturn", package="coturn", also=("turnserver",)),
        _program("redis-server"),
        Part("netns", _can_make_namespaces, "sudo apt-get install -y iproute2, then run the tests as root"),
        Part("loop", _can_mount_images, "run the tests as root on a machine with loop devices"),
        Part("root", lambda: hasattr(os, "geteuid") and os.geteuid() == 0, "run the tests as root"),
    )
}


def find(program: str) -> str | None:
    """Where a program is; daemons often live in sbin, which is not on everybody's PATH."""
    return shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")


@cache
def missing(name: str) -> str | None:
    """None when the part is here; else one line that says what is missing and how to get it."""
    part = PARTS[name]
    return None if part.is_here() else f"{part.name} is missing: {part.remedy}"


def must_be_complete() -> bool:
    """In continuous integration a missing part is a failure, elsewhere a skipped test."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}
