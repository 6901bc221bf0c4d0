"""Where and how commands print: tables for people, tabs for pipes, JSON for programs."""

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qrshared.cli.code import Ink

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def is_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def choose_ink() -> Ink:
    """The best drawing this terminal can show: some know no colours, some no blocks."""
    try:
        "▀▄█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return Ink.ASCII
    if not is_terminal() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return Ink.PLAIN
    return Ink.COLOURED


def console() -> Console:
    """Names are never markup, numbers are never painted; NO_COLOR and pipes are rich's own business."""
    return Console(highlight=False, markup=False, emoji=False)


def say_empty(sentence: str) -> None:
    """Why a list is empty; not on standard output, where a program may count lines."""
    click.echo(sentence, err=True)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Columns for a person; one line with tabs for each row in a pipe. Cells must be `visible` already."""
    if not is_terminal():
        for row in rows:
            click.echo("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def print_json(facts: "DataclassInstance", *, indent: int | None = 2) -> None:
    """A stable form for programs: the names of the wire (`protocol/WIRE.md`)."""
    fields: dict[str, Any] = dataclasses.asdict(facts)
    click.echo(json.dumps(fields, indent=indent))
