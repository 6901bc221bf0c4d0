"""`qrshared status`: where the daemon runs, what it is doing, and what is wrong."""

import time
from collections import Counter
from collections.abc import Sequence

import click

from qrshared.cli.asking import ask
from qrshared.cli.options import data_dir_option, data_folder, json_option
from qrshared.cli.output import print_json
from qrshared.cli.prompt import asker_words
from qrshared.cli.words import (
    HERE_ONLY,
    counted,
    duration_words,
    is_here_only,
    size_words,
    time_words,
    visible,
)
from qrshared.protocol import (
    AskingFacts,
    DeviceFacts,
    Done,
    EdgeFacts,
    GetStatus,
    LineState,
    NetworkFacts,
    RelayFacts,
    RoadInUse,
    StatusFacts,
    TransferFacts,
    TransferState,
    TrustNetwork,
    TurnKind,
)


@click.command("status")
@click.option("--trust-network", is_flag=True, help="Agree to the network this computer is in: codes are shown in it.")
@json_option
@data_dir_option
def command(data_dir: str | None, *, as_json: bool, trust_network: bool) -> None:
    """Say where the daemon runs and what it is doing."""
    folder = data_folder(data_dir)
    if trust_network:
        ask(folder, TrustNetwork(), Done)
    facts = ask(folder, GetStatus(), StatusFacts)
    if as_json:
        print_json(facts)
        return
    for line in status_lines(facts, time.time()):
        click.echo(line)


def status_lines(facts: StatusFacts, now: float) -> list[str]:
    """For people."""
    since = time_words(facts.started_ms, now)
    lines = [f"qrshared {facts.version} runs on {visible(facts.computer)} (process {facts.pid}, since {since})."]
    lines += [f"  Address   {url}" for url in dict.fromkeys(facts.urls)]
    if facts.edge is not None:
        lines.append(f"  Away      {edge_words(facts.edge)}")
    if facts.relay is not None:
        lines.append(f"  Relay     {relay_words(facts.relay)}")
    if facts.network is not None:
        lines.append(f"  Network   {network_words(facts.network)}")
    lines.append(f"  Inbox     {visible(facts.inbox)} ({size_words(facts.free_bytes)} free)")
    lines.append(f"  Devices   {devices_words(facts.devices)}")
    lines += [f"  Transfer  {transfer_words(transfer)}" for transfer in facts.transfers]
    lines += [f"  Asks      {asking_words(asking)}" for asking in facts.asking]
    lines += [f"  Problem   {visible(problem)}" for problem in facts.problems]
    return lines


def network_words(network: NetworkFacts) -> str:
    """Where this computer is, and what to do where it shows no code."""
    name = visible(network.name)
    if network.known:
        return name
    how = "with `qrshared open`, or with `qrshared status --trust-network`"
    return f"{name} (new: no code is shown here until you agree, {how})"


def asking_words(asking: AskingFacts) -> str:
    """A question that waits; like every line here it names no file."""
    what = f"{counted(asking.items, 'file')} ({size_words(asking.bytes)})"
    comes = " (its page is closed or asleep: it comes when that is back)" if asking.away else ""
    return f"{asker_words(asking)} wants to send {what}{comes}; say yes or no with `qrshared open`"


def edge_words(edge: EdgeFacts) -> str:
    """How it stands with the way in from other networks."""
    match edge.state:
        case LineState.CONNECTED:
            reached = HERE_ONLY if is_here_only(edge.url) else "this computer is reached away from home too"
            return f"{visible(edge.url)} (connected: {reached})"
        case LineState.CONNECTING:
            return f"{visible(edge.url)} (connecting)"
        case LineState.FAILED:
            why = visible(edge.sentence) if edge.sentence else "it does not answer"
            return f"{visible(edge.url)} (not connected: {why.rstrip('.')})"


_RELAYS = {
    TurnKind.NONE: "none: from networks that allow no direct way, this computer is not reached",
    TurnKind.STATIC: "your own, with a fixed password",
    TurnKind.METERED: "rented at Metered",
    TurnKind.COTURN: "your own coturn",
}
_BORROWED = "none of your own: the edge lends its relay, as much as whoever runs the edge allows"


def relay_words(relay: RelayFacts) -> str:
    """Whose relay, and how much of it was used: it may cost money."""
    words = _BORROWED if relay.borrowed else _RELAYS[relay.turn]
    if relay.borrowed or relay.turn is not TurnKind.NONE or relay.bytes:
        words += f"; {size_words(relay.bytes)} in {visible(relay.month)}"
        words += f", pages ask before they send more than {size_words(relay.ask_bytes)}"
    return words


_ROADS = {
    RoadInUse.HOME: "at home",
    RoadInUse.DIRECT: "directly from away",
    RoadInUse.RELAY: "through the relay",
}


def devices_words(devices: Sequence[DeviceFacts]) -> str:
    """How many there are, and by which roads those that are here came; at home goes without saying."""
    online = [device for device in devices if device.online]
    words = f"{len(devices)}, {len(online)} connected now"
    roads = Counter(device.road or RoadInUse.HOME for device in online)
    if set(roads) - {RoadInUse.HOME}:
        words += f" ({', '.join(f'{roads[road]} {_ROADS[road]}' for road in RoadInUse if roads[road])})"
    return words


_STATES = {
    TransferState.ARRIVING: "arriving",
    TransferState.ASKING: "waiting for your word",
    TransferState.PAUSED: "paused by its sender",
    TransferState.WAITING: "waiting for the phone to come back",
    TransferState.DONE: "done",
    TransferState.FAILED: "failed",
    TransferState.CANCELLED: "cancelled",
}


def transfer_words(transfer: TransferFacts) -> str:
    """One transfer on one line; it names the device and counts, never a file."""
    words = f"{visible(transfer.device)}: {transfer.items_done} of {counted(transfer.items, 'file')}"
    if transfer.items_failed:
        words += f", {transfer.items_failed} failed"
    words += f", {size_words(transfer.bytes_done)} of {size_words(transfer.bytes)}, {_STATES[transfer.state]}"
    if transfer.state is TransferState.ARRIVING:
        words += f", {size_words(transfer.rate)}/s"
        if transfer.left_s is not None:
            words += f", about {duration_words(transfer.left_s)} left"
    return words
