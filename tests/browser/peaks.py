"""The most memory that a daemon and a browser held, one stretch of a transfer after the other."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.bench._memory import Watched
from tests.browser.chromium import Chromium
from tests.browser.home import Daemon
from tests.namespaces import Host

Stretch = Mapping[str, float]
"""MiB by kind of process; several of a kind are added up, which is more than they ever held at one moment."""


@dataclass
class Peaks:
    """Resident memory (VmHWM) of a daemon with its children, and of a browser by kind of its processes."""

    daemon: Daemon
    browser: Chromium
    _watched: dict[str, list[Watched]] = field(default_factory=dict)

    async def stretch(self) -> Stretch:
        """What they held at most since the last call; processes that came since count from the next call on."""
        ended = {}
        for kind, processes in self._watched.items():
            peaks = []
            for process in processes:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, StopIteration):  # gone meanwhile
                    peaks.append(process.peak_mib())
            ended[kind] = sum(peaks)
        self._watched = {}
        for kind, pid in await self._processes():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                self._watched.setdefault(kind, []).append(Watched(pid))
        return ended

    async def _processes(self) -> list[tuple[str, int]]:
        said = await self.browser.command("SystemInfo.getProcessInfo")
        listed = said["processInfo"]
        assert isinstance(listed, list)
        found = [(str(one["type"]), int(one["id"])) for one in listed]
        assert self.daemon.process is not None
        return [*found, ("daemon", self.daemon.process.pid)]


def told(stretch: Stretch) -> str:
    """For a person: `browser 180, daemon 75, renderer 210 MiB`."""
    kinds = ("daemon", "renderer", "browser")
    return ", ".join(f"{kind} {stretch.get(kind, 0.0):.0f}" for kind in kinds) + " MiB"


def reset_and_seen(host: Host, port: int) -> set[str]:
    """Reset the connections to a local port; returns the peers that are gone."""
    gone = peers(host, port)
    host.reset_connections(port)
    return gone


def peers(host: Host, port: int) -> set[str]:
    """Address and port of everyone who is connected to a local port."""
    said = host.run("ss", "-Htn", "state", "established", "sport", "=", f":{port}")
    return {line.split()[-1] for line in said.splitlines()}
