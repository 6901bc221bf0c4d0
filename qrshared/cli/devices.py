"""`qrshared devices`: who may send, and what the owner decides about them."""

import difflib
import time
from collections.abc import Sequence
from pathlib import Path

import click

from qrshared.cli.asking import ask
from qrshared.cli.options import data_dir_option, data_folder, json_option
from qrshared.cli.output import print_json, print_table, say_empty
from qrshared.cli.words import time_words, visible
from qrshared.errors import UserError
from qrshared.protocol import DeviceFacts, DeviceList, Done, ListDevices, RenameDevice, RevokeDevice, TrustDevice

PREFIX_CHARACTERS = 4
"""The shortest beginning of an id that counts as one."""

SHOWN_CHARACTERS = 8
"""Of an id, in tables and sentences."""


class NoSuchDevice(UserError):
    """No device is called "{name}".{hint} `qrshared devices` lists them all."""


class ManyDevices(UserError):
    """ "{name}" may mean {count} devices. Say which one by the beginning of its id: {ids}."""


@click.group("devices", invoke_without_command=True)
@json_option
@data_dir_option
@click.pass_context
def command(context: click.Context, data_dir: str | None, *, as_json: bool) -> None:
    """List the devices that may send, and trust, rename or revoke them."""
    if context.invoked_subcommand is None:
        _list(data_folder(data_dir), as_json=as_json)
    else:
        context.obj = data_dir


def _folder(context: click.Context, data_dir: str | None) -> Path:
    """`--data-dir` may stand before or after the word that follows `devices`."""
    above: str | None = context.obj
    return data_folder(data_dir if data_dir is not None else above)


@command.command("list")
@json_option
@data_dir_option
@click.pass_context
def list_command(context: click.Context, data_dir: str | None, *, as_json: bool) -> None:
    """List all devices, the last seen first."""
    _list(_folder(context, data_dir), as_json=as_json)


@command.command("trust")
@click.argument("name")
@data_dir_option
@click.pass_context
def trust_command(context: click.Context, data_dir: str | None, name: str) -> None:
    """Let a device pick files up as well."""
    folder = _folder(context, data_dir)
    device = _find(folder, name)
    ask(folder, TrustDevice(device.device), Done)
    click.echo(f"{visible(device.name)} may now pick files up as well.")


@command.command("revoke")
@click.argument("name")
@data_dir_option
@click.pass_context
def revoke_command(context: click.Context, data_dir: str | None, name: str) -> None:
    """End what a device may do, at once.

    What it has for use away from home ends with it.
    """
    folder = _folder(context, data_dir)
    devices = ask(folder, ListDevices(), DeviceList).devices
    device = choose_device(devices, name)
    ask(folder, RevokeDevice(device.device), Done)
    keys = ""
    if any(one.second_of == device.device for one in devices):
        keys = ", neither at home nor away: both of its keys ended"
    elif _is_second(device, devices):
        keys = " away from home; what it may do at home stays"
    click.echo(f"{visible(device.name)} may do nothing any more{keys}. To come back it scans a code again.")


@command.command("rename")
@click.argument("name")
@click.argument("new_name")
@data_dir_option
@click.pass_context
def rename_command(context: click.Context, data_dir: str | None, name: str, new_name: str) -> None:
    """Give a device another name."""
    folder = _folder(context, data_dir)
    device = _find(folder, name)
    done = ask(folder, RenameDevice(device.device, new_name), Done)
    click.echo(f"{visible(device.name)} is now called {visible(done.text or new_name)}.")


def choose_device(devices: Sequence[DeviceFacts], name: str, *, to_take: bool = False) -> DeviceFacts:
    """The device meant by a name or the beginning of an id; raises `NoSuchDevice`, `ManyDevices`.

    `to_take`: it is to pick something up, so of several those are meant that may.
    """
    wanted = name.strip()
    chosen = [device for device in devices if device.name == wanted]
    if not chosen:
        chosen = [device for device in devices if device.name.casefold() == wanted.casefold()]
    if not chosen and len(wanted) >= PREFIX_CHARACTERS:
        chosen = [device for device in devices if device.device.startswith(wanted.lower())]
    if to_take:
        chosen = [device for device in chosen if "pick_up" in device.rights] or chosen
    if len(chosen) > 1:
        # The two keys of one phone have one name, and end together: who says the name means the phone.
        firsts = [device for device in chosen if not _is_second(device, chosen)]
        if len(firsts) == 1:
            return firsts[0]
        ids = ", ".join(
            f"{device.device[:SHOWN_CHARACTERS]}{_key_words(device, devices)} "
            f"[{_may(device.trust)}{', here now' if device.online else ''}]"
            for device in chosen
        )
        raise ManyDevices(name=visible(wanted), count=len(chosen), ids=ids)
    if not chosen:
        near = difflib.get_close_matches(wanted, [device.name for device in devices], n=1)
        raise NoSuchDevice(name=visible(wanted), hint=f' Did you mean "{visible(near[0])}"?' if near else "")
    return chosen[0]


def _is_second(device: DeviceFacts, devices: Sequence[DeviceFacts]) -> bool:
    """Whether this is another's key for elsewhere, and that other is among these."""
    return any(one.device == device.second_of for one in devices)


def _key_words(device: DeviceFacts, devices: Sequence[DeviceFacts]) -> str:
    """Which of two keys of one phone this is."""
    if _is_second(device, devices):
        return f" (away, of {(device.second_of or '')[:SHOWN_CHARACTERS]})"
    return " (at home)" if any(one.second_of == device.device for one in devices) else ""


def _tied(devices: Sequence[DeviceFacts]) -> list[DeviceFacts]:
    """In this order, but each key for elsewhere beneath the device that it belongs to."""
    firsts = [device for device in devices if not _is_second(device, devices)]
    return [one for first in firsts for one in (first, *(each for each in devices if each.second_of == first.device))]


def _find(folder: Path, name: str) -> DeviceFacts:
    return choose_device(ask(folder, ListDevices(), DeviceList).devices, name)


def _list(folder: Path, *, as_json: bool) -> None:
    listed = ask(folder, ListDevices(), DeviceList)
    if as_json:
        print_json(listed)
        return
    now = time.time()
    rows = [
        (
            visible(device.name),
            device.trust,
            "now" if device.online else time_words(device.seen_ms, now),
            device.device[:SHOWN_CHARACTERS] + _key_words(device, listed.devices),
        )
        for device in _tied(listed.devices)
    ]
    if rows:
        print_table(("Name", "May", "Seen", "Id"), [(name, _may(trust), seen, id_) for name, trust, seen, id_ in rows])
    else:
        say_empty("No devices yet. `qrshared qr` shows a code for one.")


def _may(trust: str) -> str:
    return {"guest": "send, as a guest", "trusted": "send and pick up", "owner": "everything"}.get(trust, trust)
