"""`qrshared status`: where the daemon runs, what it is doing, and what is wrong."""

import time

import click

from qrshared.cli.asking import ask
from qrshared.cli.options import data_dir_option, data_folder, json_option
from qrshared.cli.output import print_json
from qrshared.cli.words import counted, duration_words, size_words, time_words, visible
from qrshared.protocol import GetStatus, StatusFacts, TransferFacts, TransferState


@click.command("status")
@json_option
@data_dir_option
def command(data_dir: str | None, *, as_json: bool) -> None:
    """Say where the daemon runs and what it is doing."""
    facts = ask(data_folder(data_dir), GetStatus(), StatusFacts)
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
    lines.append(f"  Inbox     {visible(facts.inbox)} ({size_words(facts.free_bytes)} free)")
    online = sum(device.online for device in facts.devices)
    lines.append(f"  Devices   {len(facts.devices)}, {online} connected now")
    lines += [f"  Transfer  {transfer_words(transfer)}" for transfer in facts.transfers]
    lines += [f"  Problem   {visible(problem)}" for problem in facts.problems]
    return lines


_STATES = {
    TransferState.ARRIVING: "arriving",
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
