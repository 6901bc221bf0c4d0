"""The three verbs of `qrshared service`: install, remove and status."""

import getpass
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qrshared.cli.service.errors import StillRunning
from qrshared.cli.service.firewall import firewall_advice
from qrshared.cli.service.launchd import Launchd
from qrshared.cli.service.program import (
    command_of,
    find_origin,
    forget_other_programs,
    link_command,
    make_program,
    unlink_command,
)
from qrshared.cli.service.running import Run, run_program, spoken
from qrshared.cli.service.state import ServiceState
from qrshared.cli.service.systemd import Systemd
from qrshared.cli.service.windows import LogonTask
from qrshared.inbox import known_inboxes, remove_traces
from qrshared.local import AlreadyRunning, FolderLock
from qrshared.settings import Loaded, is_own_data_dir, make_data_dir

Say = Callable[[str], None]


class Starter(Protocol):
    """What starts programs by itself on one system."""

    def prepare(self) -> None: ...
    def install(self, command: Sequence[str], *, inbox: Path, data_dir: Path) -> None: ...
    def remove(self) -> bool: ...
    def state(self) -> ServiceState: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service on this computer is made of."""

    data_dir: Path
    inbox: Path
    port: int
    arguments: tuple[str, ...]
    bin_dir: Path
    starter: Starter
    run: Run
    say: Say


def plan(loaded: Loaded, *, say: Say, run: Run = run_program) -> Plan:
    """Put together for this system; raises nothing and changes nothing."""
    settings = loaded.settings
    return Plan(
        data_dir=settings.data_dir,
        inbox=settings.inbox,
        port=settings.port,
        arguments=tuple(run_arguments(loaded)),
        bin_dir=Path.home() / ".local" / "bin",
        starter=_starter(settings.data_dir, run, say),
        run=run,
        say=say,
    )


def _starter(data_dir: Path, run: Run, say: Say) -> Starter:
    if sys.platform == "win32":
        domain = os.environ.get("USERDOMAIN", "")
        user = f"{domain}\\{getpass.getuser()}" if domain else getpass.getuser()
        return LogonTask(run, say, data_dir / "service.xml", user)
    if sys.platform == "darwin":
        return Launchd(run, say, Path.home() / "Library" / "LaunchAgents", os.getuid())
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Systemd(run, say, config / "systemd" / "user", getpass.getuser(), os.getuid())


def run_arguments(loaded: Loaded) -> list[str]:
    """Flags for what came from flags or variables: a service sees neither, but it does see config.toml."""
    arguments: list[str] = []
    for name, source in loaded.sources.items():
        if source == "default" or not source.startswith(("--", "QRSHARED_", "PORT")):
            continue
        value = getattr(loaded.settings, name)
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            arguments += [f"--{flag}", f"{value:o}" if name == "file_mode" else str(value)]
    return arguments


def install(planned: Plan) -> None:
    """Make the service, start it, say what was done; installing again updates it."""
    starter, say = planned.starter, planned.say
    starter.prepare()
    make_data_dir(planned.data_dir)
    planned.inbox.mkdir(parents=True, exist_ok=True)
    entry = make_program(find_origin(), planned.data_dir, run=planned.run, say=say)
    command = command_of(entry, list(planned.arguments))
    starter.install(command, inbox=planned.inbox, data_dir=planned.data_dir)
    forget_other_programs(planned.data_dir, keep=entry)
    say(f"qrshared runs now and starts by itself. The service runs: {spoken(command)}")
    link = link_command(entry, planned.data_dir, bin_dir=planned.bin_dir)
    if link:
        say(f"The command `qrshared` is {link}, also when this clone is gone.")
    advice = firewall_advice(planned.port, run=planned.run)
    if advice:
        say(f"{advice.sentence}\n  {advice.command}")


def remove(planned: Plan, *, purge: bool) -> None:
    """Stop the service and forget it; with `purge` also keys, settings and journal, never the inbox.

    Raises `StillRunning` if a daemon that is not the service would lose them.
    """
    say = planned.say
    say("The service is removed." if planned.starter.remove() else "There was no service.")
    if purge and is_own_data_dir(planned.data_dir):
        # One that somebody started by hand would go on with keys that are gone, and tell phones what is not true.
        with nobody_else(planned.data_dir):
            _forget(planned, purge=True)
    else:
        _forget(planned, purge=purge)


@contextmanager
def nobody_else(data_dir: Path) -> Iterator[None]:
    """No daemon runs with this data folder, and none starts; raises `StillRunning`."""
    lock = FolderLock(data_dir)
    try:
        lock.take()
    except AlreadyRunning as running:
        pid = running.fields.get("pid")
        raise StillRunning(process="" if pid is None else f" (process {pid})") from None
    try:
        if sys.platform == "win32":
            lock.give_back()  # an open file cannot be deleted there
        yield
    finally:
        lock.give_back()


def _forget(planned: Plan, *, purge: bool) -> None:
    say = planned.say
    unlink_command(planned.data_dir, bin_dir=planned.bin_dir)
    forget_other_programs(planned.data_dir, keep=None)
    if not purge:
        say(f"Devices and settings stay in {planned.data_dir}; delete that folder when you no longer need them.")
        return
    if not planned.data_dir.is_dir():
        return
    if not is_own_data_dir(planned.data_dir):
        # It held other things before qrshared came: deleting it could take somebody's files.
        say(f"{planned.data_dir} was not made by qrshared and stays; look into it and delete it by hand.")
        return
    earlier = [one for one in known_inboxes(planned.data_dir) if one != planned.inbox.resolve() and one.is_dir()]
    inboxes = [planned.inbox, *earlier]
    for inbox in inboxes:
        remove_traces(inbox)
    delete_all_but(planned.data_dir, inboxes)
    there = [one for one in inboxes if one.is_dir()] or [planned.inbox]
    say(f"Devices and settings are deleted. Your files stay in {' and '.join(map(str, there))}.")


def delete_all_but(folder: Path, kept: Sequence[Path]) -> None:
    """Delete a folder; what of `kept` lies in it, and the way there, stays. Links are removed, never followed."""
    folder, kept = folder.resolve(), [one.resolve() for one in kept]
    if folder in kept:
        return
    if not any(one.is_relative_to(folder) for one in kept):
        shutil.rmtree(folder)
        return
    for entry in list(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            delete_all_but(entry, kept)
        else:
            entry.unlink()


def status(planned: Plan) -> ServiceState:
    """What the system knows of the service."""
    return planned.starter.state()
