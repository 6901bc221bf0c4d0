"""`qrshared qr`: a fresh personal code, in the terminal, as a link, or as a file to print."""

import os
import time
from pathlib import Path

import click

from qrshared.cli.asking import ask
from qrshared.cli.card import png_code, svg_card
from qrshared.cli.code import code_matrix, terminal_code
from qrshared.cli.options import data_dir_option, data_folder
from qrshared.cli.output import choose_ink
from qrshared.cli.status import edge_words
from qrshared.cli.words import HERE_ONLY, is_here_only, seconds_of, time_words, visible
from qrshared.errors import UserError
from qrshared.protocol import GetStatus, LineState, MakeTicket, StatusFacts, TicketFacts


class FileExists(UserError):
    """{path} exists already, and is not overwritten. Choose another name, or say --force."""


class FileNotWritten(UserError):
    """{path} cannot be written: {problem}"""


def life_words(context: click.Context, option: click.Parameter, text: str) -> str:
    """As the daemon understands it."""
    word = text.strip().lower()
    if word in {"once", "never"}:
        return word
    if seconds_of(word) is None:
        raise click.BadParameter('Say "once", "never", or a time such as "2h" or "7d".', context, option)
    return "".join(word.split()).lstrip("0")


@click.command("qr")
@click.option("--url", "only_url", is_flag=True, help="Print the link alone, for scripts.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write a card to print, with words.")
@click.option("--png", type=click.Path(path_type=Path), metavar="FILE", help="Write the code alone as a picture.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option(
    "--expires",
    "life",
    callback=life_words,
    default="once",
    metavar="TIME",
    help="once: one device, within 15 minutes [default]. 2h, 7d …, never: for sending only, any number of phones.",
)
@click.option("--remote", is_flag=True, help="A code that works away from home too; it needs the setting --edge.")
@data_dir_option
def command(
    data_dir: str | None, *, only_url: bool, svg: Path | None, png: Path | None, force: bool, life: str, remote: bool
) -> None:
    """Show a fresh code for one phone of yours.

    With --remote the phone may be anywhere: on mobile data, or in another home. At home it works as well.

    What --svg and --png write can be read by nobody but you: who scans it may send you files.
    """
    if only_url + (svg is not None) + (png is not None) > 1:
        raise click.UsageError("Choose one of --url, --svg and --png.")
    path = svg or png
    if path is not None and path.exists() and not force:
        raise FileExists(path=path)  # before a ticket is made for nothing
    folder = data_folder(data_dir)
    ticket = ask(folder, MakeTicket(life, away=remote), TicketFacts)
    if remote and is_here_only(ticket.url):
        click.echo(f"But {HERE_ONLY.removeprefix('but ')}. Set the edge to an address that phones can open.", err=True)
    if only_url:
        click.echo(ticket.url)
        return
    matrix = code_matrix(ticket.url)
    status = ask(folder, GetStatus(), StatusFacts)
    computer = visible(status.computer)
    if svg is not None:
        write_private(svg, svg_card(matrix, computer=computer, url=ticket.url).encode(), force=force)
    elif png is not None:
        write_private(png, png_code(matrix), force=force)
    else:
        click.echo(terminal_code(matrix, choose_ink()), nl=False)
        click.echo(f"Scan to send files to {computer}{' from anywhere' if remote else ''}, or open {ticket.url}")
    click.echo(f"{f'{path} is written. ' if path else ''}{_life_words(life, ticket.expires_ms)}")
    if remote and status.edge is not None and status.edge.state is not LineState.CONNECTED:
        click.echo(f"But {edge_words(status.edge)}. Until it is connected, this code reaches nobody.", err=True)


def _life_words(life: str, expires_ms: int | None) -> str:
    until = f" until {time_words(expires_ms, time.time())}" if expires_ms is not None else ""
    if life == "once":
        return f"It works for one phone{until}."
    return f"It works for sending only, for every phone that scans it,{until or ' with no end'}."


def write_private(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file that only its owner can read, whole or not at all; overwrites only with `force`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            if force or os.name == "nt":
                beside.replace(path)
            else:
                path.hardlink_to(beside)  # unlike a rename it fails if somebody was faster
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError:
        raise FileExists(path=path) from None
    except OSError as fault:
        raise FileNotWritten(path=path, problem=fault.strerror or fault) from fault
