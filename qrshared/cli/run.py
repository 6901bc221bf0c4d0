"""`qrshared run`: the daemon in this terminal, or in a service."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qrshared.cli.options import load, settings_options
from qrshared.errors import UserError
from qrshared.local import ControlClient, DaemonGone, DaemonRefused, NotRunning
from qrshared.protocol import GetStatus, StatusFacts
from qrshared.settings import Loaded, make_data_dir

if TYPE_CHECKING:
    from qrshared.cli.display import Display
    from qrshared.remote.checkup import Finding


class RunsAlready(UserError):
    """qrshared already runs with the data folder {data_dir}: {url} (process {pid}).

    Use that one, or stop it first; another one beside it needs --data-dir, --inbox and --port of its own.
    """


@click.command("run")
@settings_options
def command(**flags: object) -> None:
    """Show the code and receive files until Ctrl-C.

    Every flag may also stand in config.toml (`qrshared config`) or in a variable: --file-mode is QRSHARED_FILE_MODE.
    """
    # Late: the other commands need not wait until the web server is loaded.
    from qrshared.cli.display import make_display
    from qrshared.daemon import run

    loaded = load(**flags)
    settings = loaded.settings
    is_first = not settings.data_dir.exists()
    make_data_dir(settings.data_dir)
    asyncio.run(_refuse_second(settings.data_dir))
    display = make_display(os.environ)
    start_logging(loaded, display)
    for warning in loaded.warnings:
        click.echo(warning, err=True)
    _leave_with_the_terminal()
    with display:
        daemon = run(
            settings, show=display.show, reload=lambda: load(**flags), examine=_examiner(loaded), is_first=is_first
        )  # fmt: skip
        asyncio.run(daemon)


def _leave_with_the_terminal() -> None:
    """A window that is closed stops the daemon in order, as Ctrl-C does; under nohup it stays."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))


async def _refuse_second(data_dir: Path) -> None:
    """A second start says where the first one runs, before anything is opened twice."""
    try:
        async with ControlClient(data_dir, answer_s=5) as control:
            first = await control.ask_for(GetStatus(), StatusFacts)
    except (NotRunning, DaemonRefused, DaemonGone):
        return  # nobody is there, or it is just starting or stopping: then the lock of the data folder decides
    raise RunsAlready(data_dir=data_dir, url=first.urls[0] if first.urls else "without a network", pid=first.pid)


def start_logging(loaded: Loaded, display: "Display") -> None:
    """To standard error; a person's terminal gets warnings only, unless more was asked for."""
    level = loaded.settings.log_level
    if loaded.sources["log_level"] == "default" and display.is_for_people:
        level = "warning"
    handler = display.log_output()
    # The journal has its own clock; a file has none.
    stamp = "" if os.environ.get("JOURNAL_STREAM") or display.is_for_people else "%(asctime)s "
    handler.setFormatter(logging.Formatter(f"{stamp}%(levelname)s %(name)s: %(message)s"))
    # Libraries speak of paths and addresses at their own discretion: only their warnings are ours to show.
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("qrshared").setLevel(level.upper())


def _examiner(loaded: Loaded) -> Callable[[], "Sequence[Finding]"]:
    """The home part of `qrshared doctor`; it asks this daemon itself over the control socket, port included."""
    from qrshared.cli.doctor import look_at_home

    return lambda: look_at_home(loaded)
