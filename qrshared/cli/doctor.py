"""`qrshared doctor`: looks at everything that use needs, at home and away, and says what to do where it is not well."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from qrshared.cli.options import json_option, load, settings_options
from qrshared.cli.output import is_terminal
from qrshared.cli.words import size_words, visible
from qrshared.errors import QrsharedError
from qrshared.protocol import GetSettings, GetStatus, LineState, SettingsFacts, StatusFacts, TurnKind
from qrshared.settings import Loaded, Settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from qrshared.remote.checkup import Finding


@click.command("doctor")
@click.option("--remote", is_flag=True, help="Look at use away from home only: the edge, STUN, the relay.")
@json_option
@settings_options
def command(*, remote: bool, as_json: bool, **flags: object) -> int:
    """Look whether everything works, and say what to do where it does not.

    First what phones at home need: address, VPN, port, firewall, Wi-Fi, mDNS, inbox, disk, clock, service. Then, where
    an edge is set, what use away from home needs.

    The exit code is 0 when all is well, else 1. Settings are read as `qrshared run` reads them; flags that were given
    to it are given here too.
    """
    loaded = load(**flags)
    findings = asyncio.run(_examine_remote(loaded) if remote else _examine_all(loaded))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        say_findings(findings)
    return 0 if all(finding.ok for finding in findings) else 1


def say_findings(findings: "Sequence[Finding]") -> None:
    """A line each, and what to do beneath those that are not well; what else is worth knowing hides none of them."""
    for finding in findings:
        click.echo(f"{_marks()[finding.ok]} {finding.check:<12} {visible(finding.seen)}")
        if finding.advice and not finding.ok:
            click.echo(f"{'':18}{visible(finding.advice)}")
    more = [finding for finding in findings if finding.ok and finding.advice]
    if more:
        click.echo("\nGood to know:")
    for finding in more:
        click.echo(f"     {finding.check:<12} {visible(finding.advice)}")


def _marks() -> dict[bool, str]:
    marks = {True: "ok  ", False: "FAIL"}
    if not is_terminal():
        return marks
    return {True: click.style(marks[True], fg="green"), False: click.style(marks[False], fg="red", bold=True)}


def look_at_home(loaded: Loaded) -> "list[Finding]":
    """The home part; blocks, so a running daemon asks in a thread."""
    from qrshared.cli.checks import home_findings

    status, running = asyncio.run(_ask_daemon(loaded))
    return home_findings(running, status)


async def _examine_all(loaded: Loaded) -> "list[Finding]":
    from qrshared.cli.checks import home_findings
    from qrshared.remote.checkup import Finding

    status, running = await _ask_daemon(loaded)
    at_home = await asyncio.to_thread(home_findings, running, status)
    if _edge(loaded.settings, status) is None:
        seen = "none is set: this computer is reached at home only, as most are"
        advice = "For use away from home: qrshared config set edge https://share.example.org"
        return [*at_home, Finding("edge", True, seen, advice)]
    return [*at_home, *await _examine_remote(loaded)]


def _edge(settings: Settings, status: StatusFacts | None) -> str | None:
    """Where this computer is reached from other networks; the daemon may have been told with a flag."""
    return settings.edge or (status.edge.url if status is not None and status.edge is not None else None)


async def _examine_remote(loaded: Loaded) -> "list[Finding]":
    # Late: the other commands need not wait until all of this is loaded.
    from qrshared.remote.checkup import Finding, examine_edge, examine_stun
    from qrshared.signaling import edge_session

    settings = loaded.settings
    status, _ = await _ask_daemon(loaded)
    edge = _edge(settings, status)
    findings: list[Finding] = []
    async with edge_session() as session:
        if edge is None:
            findings.append(
                Finding("edge", False, "none is set: this computer is reached at home only",
                        "Set one: qrshared config set edge https://share.example.org (qrshared signal runs one).")
            )  # fmt: skip
        else:
            findings += await examine_edge(session, edge)
        findings += await examine_stun(settings.stun)
        is_edge = any(finding.check == "edge version" and finding.ok for finding in findings)
        findings += await _examine_relay(session, loaded, status, edge if is_edge else None)
    return [*findings, *_of_daemon(status, edge)]


async def _examine_relay(
    session: "ClientSession", loaded: Loaded, status: StatusFacts | None, edge: str | None
) -> "list[Finding]":
    from qrshared.remote.checkup import Finding, examine_lent, examine_turn
    from qrshared.signaling import read_turn_config

    settings = loaded.settings
    try:
        config = read_turn_config(
            turn_url=settings.turn_url,
            turn_secret_file=settings.turn_secret_file,
            turn_user=settings.turn_user,
            turn_password_file=settings.turn_password_file,
            metered_app=settings.metered_app,
            metered_key_file=settings.metered_key_file,
            sources=loaded.sources,
        )
    except QrsharedError as wrong:
        return [Finding("relay", False, "its settings do not fit together", wrong.sentence)]
    used = TurnKind.NONE if status is None or status.relay is None else status.relay.turn
    if config is None and used is not TurnKind.NONE:
        return [
            Finding("relay", True, f"qrshared here was started with one ({used.value}), which was not tried",
                    "Give doctor the same flags, or keep them in config.toml.")
        ]  # fmt: skip
    if config is None and edge is not None:
        return await examine_lent(session, edge)
    return await examine_turn(session, config)


async def _ask_daemon(loaded: Loaded) -> tuple[StatusFacts | None, Loaded]:
    """What the running daemon says, None when there is none; and whether it is heard by mDNS: a flag may say no."""
    from qrshared.local import ControlClient

    try:
        async with ControlClient(loaded.settings.data_dir) as control:
            status = await control.ask_for(GetStatus(), StatusFacts)
            used = await control.ask_for(GetSettings(), SettingsFacts)
    except (QrsharedError, OSError):
        return None, loaded
    mdns = next((one.value == "true" for one in used.settings if one.name == "mdns"), loaded.settings.mdns)
    return status, dataclasses.replace(loaded, settings=dataclasses.replace(loaded.settings, mdns=mdns))


def _of_daemon(status: StatusFacts | None, looked_at: str | None) -> "list[Finding]":
    from qrshared.remote.checkup import Finding

    if status is None:
        return [
            Finding("daemon", True, "qrshared does not run here at the moment (`qrshared` starts it)"),
            Finding("relay use", True, "not known while qrshared does not run"),
        ]
    findings = []
    if status.edge is None:
        findings.append(Finding("daemon", False, "qrshared runs here without an edge", "Start it again, with --edge."))
    else:
        is_well = status.edge.state is LineState.CONNECTED
        advice = status.edge.sentence or "It tries again by itself; the lines above say what is in its way."
        seen = f"qrshared here is {status.edge.state.value} with {status.edge.url}"
        findings.append(Finding("daemon", is_well, seen, "" if is_well else advice))
        if looked_at is not None and looked_at != status.edge.url:
            findings.append(
                Finding("other edge", False, f"qrshared here uses {status.edge.url}; looked at was {looked_at}",
                        f"To use the latter from now on: qrshared config set edge {looked_at}, and start qrshared "
                        "without another --edge.")
            )  # fmt: skip
    if status.relay is not None:
        used = f"{size_words(status.relay.bytes)} in {status.relay.month}"
        used += ", through the relay that the edge lends" if status.relay.borrowed else ""
        ask = f"pages ask before they send more than {size_words(status.relay.ask_bytes)}"
        findings.append(Finding("relay use", True, f"{used}; {ask}"))
    return findings
