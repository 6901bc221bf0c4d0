"""The service on Linux: a systemd user unit that survives logout (lingering), also when set up over SSH."""

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qrshared.cli.service.errors import DidNotStart, LingerRefused, NoSystemd, SystemdSilent
from qrshared.cli.service.running import Ran, Run, must
from qrshared.cli.service.state import ServiceState

UNIT = "qrshared.service"
SYSTEMD_S = 10.0
"""How long the user's manager may take to come up after lingering was switched on; seen: under two seconds."""

_PACKAGE = Path(__file__).resolve().parents[2]
_TRIAL = 'for d; do t="$d/.qrshared-trial"; : >"$t" && rm "$t" || exit 1; done'


def template(name: str) -> str:
    """A file of systemd/: inside the installed package, or in the checkout."""
    places = (_PACKAGE / "systemd" / name, _PACKAGE.parent / "systemd" / name)
    return next(place for place in places if place.is_file()).read_text(encoding="utf-8")


def quoted(word: str, *, is_command: bool) -> str:
    """One word as systemd.syntax(7) reads it; in command lines `$` would start a variable."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("%", "%%")
    # A carriage return ends a line there as well, and what followed it would be a setting of its own.
    text = re.sub(r"[\x00-\x1f\x7f]", lambda control: f"\\x{ord(control[0]):02x}", text)
    if is_command:
        text = text.replace("$", "$$")
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text) else f'"{text}"'


def unit_text(command: Sequence[str]) -> str:
    """The unit that runs `command`, whose first word is an absolute path."""
    # systemd refuses quotes, backslashes and dollars in the name of the program itself, but not in an argument.
    words = command if re.fullmatch(r"[^\"'\\$]+", command[0]) else ["/usr/bin/env", *command]
    line = " ".join(quoted(word, is_command=True) for word in words)
    return template("qrshared.service").replace("ExecStart=@PROGRAM@", f"ExecStart={line}")


def sandbox_text(inbox: Path, data_dir: Path) -> str:
    """The drop-in that makes everything read-only but these two folders."""
    text = template("sandbox.conf")
    for mark, path in (("@INBOX@", inbox), ("@DATA@", data_dir)):
        text = text.replace(mark, quoted(str(path), is_command=False))
    return text


def properties(unit: str) -> list[str]:
    """The assignments of a unit file, as `systemd-run -p` takes them."""
    return [line for line in unit.splitlines() if re.match(r"[A-Z]\w+=", line)]


@dataclass(frozen=True, slots=True)
class Systemd:
    """The user's own service manager; `units` is ~/.config/systemd/user."""

    run: Run
    say: Callable[[str], None]
    units: Path
    user: str
    uid: int
    linger_dir: Path = Path("/var/lib/systemd/linger")
    runtime_root: Path = Path("/run/user")
    booted: Path = Path("/run/systemd/system")
    """There while systemd runs the system (sd_booted(3)): in a container systemctl may be there without it."""
    pause: Callable[[float], None] = time.sleep

    def prepare(self) -> None:
        """Whatever may refuse, before anything is changed; raises the sentence with the one command to run."""
        if not self.booted.is_dir() or not self.run("systemctl", "--version").is_fine:
            raise NoSystemd(command="qrshared run")
        if not (self.linger_dir / self.user).exists():
            if not self.run("loginctl", "enable-linger", self.user).is_fine:
                raise LingerRefused(command=f"sudo loginctl enable-linger {self.user}")
            self.say("qrshared keeps running when you log out (lingering is on).")
        self._reach_systemd()

    def install(self, command: Sequence[str], *, inbox: Path, data_dir: Path) -> None:
        """Write the unit, start it and wait until it says that it is ready."""
        self.units.mkdir(parents=True, exist_ok=True)
        (self.units / UNIT).write_text(unit_text(command), encoding="utf-8")
        drop_in = self._sandbox_file()
        sandbox = sandbox_text(inbox, data_dir)
        if self._sandbox_works(sandbox, inbox, data_dir):
            drop_in.parent.mkdir(exist_ok=True)
            drop_in.write_text(sandbox, encoding="utf-8")
        else:
            drop_in.unlink(missing_ok=True)
            self.say("This system does not allow the extra sandbox; the service runs without it.")
        must(self.run, "systemctl", "--user", "daemon-reload")
        must(self.run, "systemctl", "--user", "enable", UNIT)
        self.run("systemctl", "--user", "reset-failed", UNIT)
        started = self.run("systemctl", "--user", "restart", UNIT)
        if not started.is_fine:
            # Not left running in circles: it would greet the next login with the same failure.
            self.run("systemctl", "--user", "stop", UNIT)
            raise DidNotStart(log=self._last_words() or started.text)

    def remove(self) -> bool:
        """Stop and forget the service; True when there was one."""
        self._find_runtime_dir()
        unit = self.units / UNIT
        was_there = unit.exists()
        stopped = self.run("systemctl", "--user", "disable", "--now", UNIT)
        if was_there and not stopped.is_fine:
            self.say(f"systemd did not stop it: {stopped.text}")
        unit.unlink(missing_ok=True)
        # `disable` removes this link; without a manager that answers, nobody did.
        (self.units / "default.target.wants" / UNIT).unlink(missing_ok=True)
        self._sandbox_file().unlink(missing_ok=True)
        if self._sandbox_file().parent.is_dir() and not any(self._sandbox_file().parent.iterdir()):
            self._sandbox_file().parent.rmdir()
        self.run("systemctl", "--user", "daemon-reload")
        self.run("systemctl", "--user", "reset-failed", UNIT)
        return was_there

    def state(self) -> ServiceState:
        self._find_runtime_dir()
        names = "LoadState,ActiveState,SubState,UnitFileState,MainPID,StatusText,NRestarts"
        shown = self.run("systemctl", "--user", "show", UNIT, f"--property={names}")
        facts = dict(line.partition("=")[::2] for line in shown.text.splitlines() if "=" in line)
        is_installed = (self.units / UNIT).exists()
        details = [facts["StatusText"]] if facts.get("StatusText") else []
        if not shown.is_fine:
            details.append(f"Your own systemd does not answer: {shown.text}")
        if is_installed and facts.get("UnitFileState") not in {"enabled", None}:
            details.append("It does not start by itself: run `qrshared service install` again.")
        if is_installed and not (self.linger_dir / self.user).exists():
            details.append(f"It ends when you log out. Run once: sudo loginctl enable-linger {self.user}")
        if facts.get("NRestarts", "0") not in {"", "0"}:
            details.append(f"It was restarted {facts['NRestarts']} times; why: journalctl --user --unit {UNIT}")
        return ServiceState(
            is_installed=is_installed,
            is_running=facts.get("ActiveState") == "active",
            pid=int(facts.get("MainPID") or 0) or None,
            details=tuple(details),
        )

    def _sandbox_file(self) -> Path:
        return self.units / f"{UNIT}.d" / "sandbox.conf"

    def _find_runtime_dir(self) -> None:
        """`su`, `sudo` and some SSH set-ups leave it unset, and systemctl --user finds nobody without it."""
        folder = self.runtime_root / str(self.uid)
        if not os.environ.get("XDG_RUNTIME_DIR") and folder.is_dir():
            os.environ["XDG_RUNTIME_DIR"] = str(folder)

    def _reach_systemd(self) -> None:
        waited = 0.0
        while True:
            self._find_runtime_dir()
            answer: Ran = self.run("systemctl", "--user", "show-environment")
            if answer.is_fine:
                return
            if waited >= SYSTEMD_S:
                raise SystemdSilent(problem=answer.text)
            self.pause(0.5)
            waited += 0.5

    def _sandbox_works(self, sandbox: str, inbox: Path, data_dir: Path) -> bool:
        options = [word for line in properties(sandbox) for word in ("-p", line)]
        command = ["systemd-run", "--user", "--wait", "--collect", "--quiet", *options]
        return self.run(*command, "--", "/bin/sh", "-c", _TRIAL, "sh", str(inbox), str(data_dir)).is_fine

    def _last_words(self) -> str:
        return self.run("journalctl", "--user", "--unit", UNIT, "--lines=12", "--no-pager", "--output=cat").text
