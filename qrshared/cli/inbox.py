"""`qrshared inbox`: what has arrived, with --follow what arrives, and with --receipts what was proven of it."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import click

from qrshared.cli.asking import ask
from qrshared.cli.options import data_dir_option, data_folder, json_option
from qrshared.cli.output import is_terminal, print_json, print_table, say_empty
from qrshared.cli.words import counted, size_words, time_words, visible
from qrshared.local import ControlClient
from qrshared.protocol import (
    EntryFacts,
    GetStatus,
    InboxList,
    ListInbox,
    ListReceipts,
    ReceiptFacts,
    ReceiptList,
    StatusFacts,
    Topic,
)
from qrshared.protocol.limits import INBOX_ENTRIES_MAX

_HEADINGS = ("Arrived", "Size", "From", "Name")

SHOWN = 20
"""What fits on a screen beside the prompt."""


@click.command("inbox")
@click.option("--follow", "-f", is_flag=True, help="Go on and say what arrives, until Ctrl-C.")
@click.option(
    "--limit", type=click.IntRange(1, INBOX_ENTRIES_MAX), default=SHOWN, show_default=True, help="How many to list."
)
@click.option(
    "--receipts", is_flag=True, help="What was read back of each file: its SHA-256, also of those moved away since."
)
@json_option
@data_dir_option
def command(data_dir: str | None, *, follow: bool, limit: int, receipts: bool, as_json: bool) -> None:
    """List what has arrived, the newest first."""
    if follow and receipts:
        raise click.UsageError("--follow and --receipts do not go together.")
    folder = data_folder(data_dir)
    if receipts:
        _list_receipts(folder, limit=limit, as_json=as_json)
        return
    if follow:
        asyncio.run(_follow(folder, limit=limit, as_json=as_json))
        return
    listed = ask(folder, ListInbox(limit), InboxList)
    if as_json:
        print_json(listed)
        return
    if not listed.entries:
        say_empty(_nothing_yet(folder))
        return
    print_table(_HEADINGS, [_row(entry) for entry in listed.entries], right=("Size",))
    if is_terminal():
        left = listed.total - len(listed.entries)
        more = f", and {left} more" if left > 0 else ""
        click.echo(f"{counted(len(listed.entries), 'file')}{more}. They are in {visible(listed.folder)}")


def _nothing_yet(folder: Path) -> str:
    urls = ask(folder, GetStatus(), StatusFacts).urls
    return f"Nothing has arrived yet. Scan the code at {urls[0]}" if urls else "Nothing has arrived yet."


def _list_receipts(data_dir: Path, *, limit: int, as_json: bool) -> None:
    listed = ask(data_dir, ListReceipts(limit), ReceiptList)
    if as_json:
        print_json(listed)
        return
    rows = [_receipt_row(one) for one in listed.receipts]
    if not rows:
        say_empty(_nothing_yet(data_dir))
        return
    print_table(("Arrived", "Size", "From", "SHA-256", "Name"), rows, right=("Size",))
    if is_terminal():
        click.echo(f"{counted(len(rows), 'receipt')}.")


def _receipt_row(one: ReceiptFacts) -> tuple[str, str, str, str, str]:
    arrived = time_words(one.placed_ms, time.time())
    return (arrived, size_words(one.size), visible(one.sender or ""), one.sha256, visible(one.name))


async def _follow(data_dir: Path, *, limit: int, as_json: bool) -> None:
    async with ControlClient(data_dir) as control:
        news = NewEntries(limit)
        async for facts in control.watch((Topic.INBOX,)):
            if isinstance(facts, InboxList):
                for entry in news.among(facts):
                    if as_json:
                        print_json(entry, indent=None)
                    else:
                        click.echo(line_words(_row(entry)))


class NewEntries:
    """Tells from one list to the next what is new; a list shows only the newest entries of a full inbox."""

    def __init__(self, at_first: int) -> None:
        self._seen: dict[str, int] | None = None
        self._at_first = at_first
        self._was_cut = False

    def among(self, listed: InboxList) -> Sequence[EntryFacts]:
        """New entries, the oldest first."""
        entries, seen = listed.entries, self._seen
        if seen is None:
            fresh = list(entries[: self._at_first])
        else:
            # What arrived earlier than it said before is the same entry: of one that was renamed that is known later.
            known = [at for at, one in enumerate(entries) if one.arrived_ms <= seen.get(one.name, -1)]
            # Of a list that was cut, what stands below the last known entry moved up as others were taken away.
            end = known[-1] if known and self._was_cut else len(entries)
            fresh = [one for at, one in enumerate(entries[:end]) if at not in known]
        self._seen = {one.name: one.arrived_ms for one in entries}
        self._was_cut = listed.total > len(listed.entries)
        return fresh[::-1]


def line_words(row: tuple[str, str, str, str]) -> str:
    """A line that comes by itself: in a terminal with columns as wide as most of what stands in them."""
    if not is_terminal():
        return "\t".join(row)
    arrived, size, sender, name = row
    return f"{arrived:<16}  {size:>8}  {sender:<20}  {name}"


def _row(entry: EntryFacts) -> tuple[str, str, str, str]:
    return (
        time_words(entry.arrived_ms, time.time()),
        size_words(entry.size),
        visible(entry.sender or ""),
        visible(entry.name),
    )
