"""`qrshared send`: files of this computer wait for a phone, under a code of their own, while the command runs."""

import asyncio
import dataclasses
import json
import os
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Protocol

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from qrshared.cli.code import code_matrix, terminal_code
from qrshared.cli.devices import choose_device
from qrshared.cli.options import data_dir_option, data_folder, json_option
from qrshared.cli.output import choose_ink, console, is_terminal
from qrshared.cli.words import seconds_of, size_words, time_words, visible
from qrshared.errors import UserError
from qrshared.local import ControlClient, DaemonGone, DaemonRefused
from qrshared.protocol import (
    SHELF_ITEMS_MAX,
    DeviceList,
    Done,
    Facts,
    ListDevices,
    Offer,
    OfferFacts,
    OfferList,
    OfferProgress,
    OfferState,
    Topic,
    Withdraw,
)

NAMES_SHOWN: Final = 3
ROWS_SHOWN: Final = 8
BAR_WIDTH: Final = 30

PATHS_BYTES_MAX: Final = 48 * 1024
"""What one question to the daemon holds beside the rest."""

TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108 -- nothing is put there: systemd's PrivateTmp hides these two
_TAKEN: Final = frozenset({OfferState.DONE, OfferState.HANDED_OVER})


class TooManyFiles(UserError):
    """These are too many files for one code. Put them into a folder and send that."""


class DaemonStopped(UserError):
    """qrshared was stopped, so these files are no longer offered. Start it with `qrshared`, and send them again."""


class HiddenFromDaemon(UserError):
    """{sentence}

    A service in its sandbox sees nothing in {folder}: copy it to another folder, or into the Outbox.
    """


def ends_of(context: click.Context, option: click.Parameter, text: str | None) -> int | Literal["once"] | None:
    """A time in seconds, or `once`, as `qrshared qr` says it."""
    if text is None:
        return None
    if text.strip().lower() == "once":
        return "once"
    seconds = seconds_of(text)
    if seconds is None:
        raise click.BadParameter('Say a time such as "30m", "2h" or "7d", or "once".', context, option)
    return seconds


@click.command("send")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE…")
@click.option("--to", "to", metavar="DEVICE", help="For this device alone: its name, or the beginning of its id.")
@click.option("--once", is_flag=True, help="End as soon as somebody has picked everything up.")
@click.option("--expires", callback=ends_of, metavar="TIME", help="End after 30m, 2h, 7d … [a day]; once: as --once.")
@click.option("--remote", is_flag=True, help="The code works away from home too; it needs the setting --edge.")
@json_option
@data_dir_option
def command(
    data_dir: str | None, *, files: tuple[Path, ...], to: str | None, once: bool, expires: int | Literal["once"] | None,
    remote: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Let phones pick up files and folders of this computer.

    They wait until Ctrl-C, on the page of every phone that may pick up, and for whoever scans the code that is shown.
    What lies in the folder Outbox of the inbox waits without any command.
    """
    paths = tuple(os.path.abspath(file) for file in files)  # noqa: PTH100 -- Path.absolute keeps "..", resolve() would follow a link that was named
    if len(paths) > SHELF_ITEMS_MAX or len(json.dumps(paths)) > PATHS_BYTES_MAX:
        raise TooManyFiles
    shown: _Shown = _Lines() if not as_json else _Json()
    if not as_json and is_terminal():
        shown = _Screen()
    offer = Offer(paths, None, once or expires == "once", None if expires == "once" else expires, remote)
    asyncio.run(_send(data_folder(data_dir), offer, to, shown))


async def _send(data_dir: Path, offer: Offer, to: str | None, shown: "_Shown") -> None:
    async with ControlClient(data_dir) as control:
        if to is not None:
            listed = await control.ask_for(ListDevices(), DeviceList)
            offer = dataclasses.replace(offer, to=choose_device(listed.devices, to, to_take=True).device)
        # Watched before anything is offered: the daemon takes back what nobody watches any more.
        news = control.watch((Topic.OFFERS,))
        await anext(news)
        offered = await _offered(control, offer)
        shown.offered(offered, to)
        try:
            why = await _follow(news, offered, shown, once=offer.once)
        except DaemonGone:
            shown.ended("stopped")
            raise DaemonStopped from None
        except asyncio.CancelledError:
            for one in offered.items:
                with suppress(UserError):  # the daemon takes it back as well when this command is gone
                    await control.ask_for(Withdraw(one.item), Done)
            shown.ended("withdrawn")
            raise
        shown.ended(why)


async def _offered(control: ControlClient, offer: Offer) -> OfferFacts:
    try:
        return await control.ask_for(offer, OfferFacts)
    except DaemonRefused as refusal:
        hidden = next((top for top in TEMPORARY for path in offer.paths if path.startswith(f"{top}/")), None)
        if hidden is None or "No such file" not in refusal.sentence:
            raise
        raise HiddenFromDaemon(sentence=refusal.sentence, folder=hidden) from None


async def _follow(news: AsyncGenerator[Facts, None], offered: OfferFacts, shown: "_Shown", *, once: bool) -> str:
    async for facts in news:
        if isinstance(facts, OfferList):
            shown.progress(facts.offers)
            if (why := how_it_ended(facts.offers, offered, once=once, now=time.time())) is not None:
                return why
    return "withdrawn"


def how_it_ended(rows: Sequence[OfferProgress], offered: OfferFacts, *, once: bool, now: float) -> str | None:
    """`picked_up`, `expired` or `withdrawn` once nothing waits any more; else None. `now`: the wall clock."""
    taken = {row.item for row in rows if once and row.state in _TAKEN}
    withdrawn = {row.item for row in rows if row.state is OfferState.WITHDRAWN and row.device is None}
    items = {one.item for one in offered.items}
    if not items <= taken | withdrawn:
        return None
    ends = [one.expires_ms for one in offered.items if one.expires_ms is not None]
    if not items <= taken and ends and now * 1000 >= min(ends):
        return "expired"
    return "picked_up" if taken else "withdrawn"


class _Shown(Protocol):
    """Where it is told how things stand."""

    def offered(self, offered: OfferFacts, to: str | None) -> None: ...
    def progress(self, rows: Sequence[OfferProgress]) -> None: ...
    def ended(self, why: str) -> None: ...


class _Json:
    """One object a line; a row of progress whenever it is another."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str | None], OfferProgress] = {}

    def offered(self, offered: OfferFacts, to: str | None) -> None:
        del to
        self._say("offered", dataclasses.asdict(offered))

    def progress(self, rows: Sequence[OfferProgress]) -> None:
        for row in _news(self._told, rows):
            self._say("progress", dataclasses.asdict(row))

    def ended(self, why: str) -> None:
        self._say("ended", {"why": why})

    def _say(self, event: str, fields: dict[str, object]) -> None:
        click.echo(json.dumps({"event": event, **fields}))


class _Lines:
    """The code and a line for each turn of events: for a pipe, or a log."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str | None], OfferProgress] = {}

    def offered(self, offered: OfferFacts, to: str | None) -> None:
        for line in offered_lines(offered, to):
            click.echo(line)

    def progress(self, rows: Sequence[OfferProgress]) -> None:
        before = {key: row.state for key, row in self._told.items()}
        for row in _news(self._told, rows):
            if row.state is not before.get((row.item, row.device)) and row.device is not None:
                click.echo(row_words(row))

    def ended(self, why: str) -> None:
        _say_end(why, self._told.values())


class _Screen:
    """The code, and below it a bar for each device that picks up."""

    def __init__(self) -> None:
        self._rows: Sequence[OfferProgress] = ()
        self._live = Live(console=console(), auto_refresh=False, get_renderable=self._picture)

    def offered(self, offered: OfferFacts, to: str | None) -> None:
        for line in offered_lines(offered, to):
            click.echo(line)
        self._live.start()

    def progress(self, rows: Sequence[OfferProgress]) -> None:
        self._rows = [row for row in rows if row.device is not None]
        self._live.refresh()

    def ended(self, why: str) -> None:
        self._live.stop()
        _say_end(why, self._rows)

    def _picture(self) -> RenderableType:
        lines: list[RenderableType] = []
        for row in self._rows[-ROWS_SHOWN:]:
            lines.append(Text(row_words(row), overflow="fold"))
            if row.state is OfferState.MOVING:
                lines.append(ProgressBar(total=max(1, row.bytes), completed=row.bytes_done, width=BAR_WIDTH))
        return Group(*lines)


_ENDED: Final = {
    "picked_up": "Everything was picked up.",
    "expired": "Its time is over, and nothing waits any more.",
    "withdrawn": "Nothing waits any more.",
}
_STATES: Final = {
    OfferState.WAITING: "has asked for it",
    OfferState.MOVING: "is picking it up",
    OfferState.PAUSED: "has paused it",
    OfferState.DONE: "has it, safe",
    OfferState.HANDED_OVER: "has it",
    OfferState.FAILED: "did not get it",
    OfferState.WITHDRAWN: "not offered any more",
}


def _say_end(why: str, rows: Iterable[OfferProgress]) -> None:
    if why == "expired" and not any(row.state in _TAKEN for row in rows):
        click.echo("Its time was over; nobody picked it up.")
    elif why in _ENDED:  # that the daemon stopped is said as the fault that it is
        click.echo(_ENDED[why])


def row_words(row: OfferProgress) -> str:
    """One device and one thing, on one line."""
    words = f"{visible(row.name)}: {visible(row.device or 'nobody')} {_STATES[row.state]}"
    if row.state in (OfferState.MOVING, OfferState.PAUSED):
        words += f", {size_words(row.bytes_done)} of {size_words(row.bytes)}"
    return words


def offered_lines(offered: OfferFacts, to: str | None) -> Iterable[str]:
    """The code, what it is for, and until when."""
    if offered.url is not None:
        yield terminal_code(code_matrix(offered.url), choose_ink()).rstrip("\n")
    names = [visible(one.name) for one in offered.items]
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    what = f"{', '.join(names[:NAMES_SHOWN])}{more} ({size_words(sum(one.size for one in offered.items))})"
    if offered.url is not None:
        yield f"Scan to pick up {what}, or open {offered.url}"
    else:
        yield f"{what} waits for {visible(to or 'that device')}."
    ends = [one.expires_ms for one in offered.items if one.expires_ms is not None]
    if ends:
        yield f"It waits until {time_words(min(ends), time.time())}, or until Ctrl-C."


def _news(told: dict[tuple[str, str | None], OfferProgress], rows: Iterable[OfferProgress]) -> list[OfferProgress]:
    """Rows that are other than before, which are remembered."""
    fresh = [row for row in rows if told.get((row.item, row.device)) != row]
    told.update({(row.item, row.device): row for row in fresh})
    return fresh
