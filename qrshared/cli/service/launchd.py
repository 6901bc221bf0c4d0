"""The service on macOS: a launchd agent of this user. Checked by its syntax; never run by its authors."""

import plistlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qrshared.cli.service.errors import DidNotStart
from qrshared.cli.service.running import Run
from qrshared.cli.service.state import ServiceState

LABEL = "io.github.qrshared.daemon"
DOMAINS = ("gui", "user")


def plist_bytes(command: Sequence[str], *, log: Path) -> bytes:
    """The agent's property list, as launchd.plist(5) names the keys."""
    agent = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        # Again after a crash, not after a clean end such as "already running".
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 20,
        # Not "Background": that throttles disk and processor, and somebody with a phone is waiting.
        "ProcessType": "Interactive",
        # Aqua: with a screen. Background: also when only SSH is logged in.
        "LimitLoadToSessionType": ["Aqua", "Background"],
        "Umask": 0o022,  # property lists have no octal: it is written as 18
        "SoftResourceLimits": {"NumberOfFiles": 8192},
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
        "EnvironmentVariables": {"PYTHONUNBUFFERED": "1", "LC_ALL": "en_US.UTF-8"},
    }
    return plistlib.dumps(agent, sort_keys=False)


@dataclass(frozen=True, slots=True)
class Launchd:
    """launchd as this user sees it; `agents` is ~/Library/LaunchAgents."""

    run: Run
    say: Callable[[str], None]
    agents: Path
    uid: int

    @property
    def file(self) -> Path:
        return self.agents / f"{LABEL}.plist"

    def prepare(self) -> None:
        self.agents.mkdir(parents=True, exist_ok=True)

    def install(self, command: Sequence[str], *, inbox: Path, data_dir: Path) -> None:
        del inbox  # it needs no exception: launchd agents have no sandbox of ours
        self._forget()
        self.file.write_bytes(plist_bytes(command, log=data_dir / "qrshared.log"))
        # Over SSH there may be no screen to belong to; the user's own domain is always there.
        refusals: list[str] = []
        for domain in DOMAINS:
            ran = self.run("launchctl", "bootstrap", f"{domain}/{self.uid}", str(self.file))
            if ran.is_fine:
                return
            refusals.append(ran.text)
        raise DidNotStart(log="\n".join(refusals))

    def remove(self) -> bool:
        was_there = self.file.exists()
        self._forget()
        self.file.unlink(missing_ok=True)
        return was_there

    def state(self) -> ServiceState:
        for domain in DOMAINS:
            shown = self.run("launchctl", "print", f"{domain}/{self.uid}/{LABEL}")
            if shown.is_fine:
                facts = dict(line.strip().partition(" = ")[::2] for line in shown.text.splitlines())
                pid = int(facts["pid"]) if facts.get("pid", "").isdigit() else None
                return ServiceState(self.file.exists(), is_running=facts.get("state") == "running", pid=pid)
        return ServiceState(self.file.exists(), is_running=False)

    def _forget(self) -> None:
        for domain in DOMAINS:
            self.run("launchctl", "bootout", f"{domain}/{self.uid}/{LABEL}")
