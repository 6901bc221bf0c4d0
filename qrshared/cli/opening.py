"""`qrshared open`: the owner page in the browser, or how to reach it from another computer."""

import asyncio
import getpass
import html
import json
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

from qrshared.cli.options import data_dir_option, data_folder
from qrshared.local import ControlClient, DaemonGone
from qrshared.protocol import DeviceList, GetStatus, MakeOwnerTicket, StatusFacts, TicketFacts, Topic

BROWSER_S = 20.0
"""A cold browser on a Raspberry Pi takes about so long to open its first page."""


@click.command("open")
@click.option("--url", "only_url", is_flag=True, help="Print the link alone.")
@data_dir_option
def command(data_dir: str | None, *, only_url: bool) -> None:
    """Open the owner page: what arrived, devices, settings.

    Without a screen it prints the link, and the command that brings it to the computer you sit at.
    """
    asyncio.run(_open(data_folder(data_dir), only_url=only_url))


async def _open(data_dir: Path, *, only_url: bool) -> None:
    async with ControlClient(data_dir) as control:
        status = await control.ask_for(GetStatus(), StatusFacts)
        ticket = await control.ask_for(MakeOwnerTicket(), TicketFacts)
        if only_url:
            click.echo(ticket.url)
            return
        if has_screen(os.environ, sys.platform):
            async with _handed_over(ticket.url, Path(status.inbox), data_dir) as page:
                if await asyncio.to_thread(webbrowser.open, page.as_uri()):
                    click.echo("The owner page opens in your browser.")
                    if not await _was_opened(control):
                        click.echo("If nothing opened, `qrshared open --url` prints a link to open yourself.")
                    return
        click.echo(remote_words(ticket.url, status, os.environ))


async def _was_opened(control: ControlClient) -> bool:
    """Whether a browser came with the ticket: then a device of the owner is new, or newly connected."""
    before: set[tuple[str, bool]] | None = None
    try:
        async with asyncio.timeout(BROWSER_S):
            async for facts in control.watch((Topic.DEVICES,)):
                if isinstance(facts, DeviceList):
                    owners = {(device.device, device.online) for device in facts.devices if device.trust == "owner"}
                    if before is not None and any(online for _, online in owners - before):
                        return True
                    before = owners if before is None else before
    except (TimeoutError, DaemonGone):
        pass
    return False


@asynccontextmanager
async def _handed_over(url: str, inbox: Path, data_dir: Path) -> AsyncIterator[Path]:
    """A file for this user's eyes that leads to the link, gone afterwards.

    The words a browser is started with can be read by every user of this computer (`ps`): the ticket must not be one of
    them. It lies in the inbox because browsers in a snap may not read hidden folders, where the data folder is.
    """
    folder = inbox if os.access(inbox, os.W_OK | os.X_OK) else data_dir
    path = folder / f".qrshared-open-{secrets.token_hex(8)}.html"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(leading_page(url))
        yield path
    finally:
        path.unlink(missing_ok=True)


def leading_page(url: str) -> str:
    """A page that goes on to the link at once, and shows it where scripts are off."""
    script = json.dumps(url).replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f"<title>QR Share</title><script>location.replace({script})</script>"
        f'<p><a href="{html.escape(url)}">Open the owner page</a></p></html>\n'
    )


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser started here would appear before the person who typed the command."""
    if any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
        return False
    if platform in {"darwin", "win32"}:
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def remote_words(url: str, status: StatusFacts, environment: Mapping[str, str]) -> str:
    """The link, and the way to it from a computer with a screen."""
    port = urlsplit(url).port or 80
    return (
        f"{url}\n"
        "This link works once, within a minute, on this computer only. To open it on the computer you sit at,\n"
        "first run this there, then open the link there; `qrshared open` prints a fresh one:\n"
        f"  ssh -L {port}:127.0.0.1:{port} {_user()}@{_host(status, environment)}"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "USER"


def _host(status: StatusFacts, environment: Mapping[str, str]) -> str:
    """The address the person reached by ssh already, else the one phones use, else the name."""
    words = environment.get("SSH_CONNECTION", "").split()
    if len(words) == 4:
        return words[2]
    return status.addresses[0].address if status.addresses else socket.gethostname()
