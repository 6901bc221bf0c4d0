"""`qrshared service`: starts qrshared by itself; what that takes on each system stands in `cli/service`."""

from collections.abc import Callable

import click

from qrshared.cli.options import data_dir_option, load, settings_options


@click.group("service")
def command() -> None:
    """Start qrshared by itself, from now on."""


@command.command("install")
@settings_options
def install_command(**flags: object) -> None:
    """Set the service up and start it; again: update it.

    Flags given here are what the service runs with. It needs no root.
    """
    from qrshared.cli import service

    service.install(service.plan(load(**flags), say=_say))


@command.command("remove")
@click.option("--purge", is_flag=True, help="Delete devices and settings as well; your files stay.")
@data_dir_option
def remove_command(data_dir: str | None, *, purge: bool) -> None:
    """Stop the service and forget it."""
    from qrshared.cli import service

    service.remove(service.plan(load(data_dir=data_dir), say=_say), purge=purge)


@command.command("status")
@data_dir_option
@click.pass_context
def status_command(context: click.Context, data_dir: str | None) -> None:
    """Say whether the service runs.

    The exit code is 3 when it is set up and does not run, and when there is none.
    """
    from qrshared.cli import service

    state = service.status(service.plan(load(data_dir=data_dir), say=_say))
    if not state.is_installed:
        click.echo("There is no service. `qrshared service install` sets it up.")
    elif state.is_running:
        click.echo(f"The service runs{f' (process {state.pid})' if state.pid else ''}.")
    else:
        click.echo("The service is set up, but does not run.")
    for detail in state.details:
        click.echo(detail)
    if not state.is_running:
        context.exit(3)  # what `systemctl status` says of a unit that is not running (LSB)


_say: Callable[[str], None] = click.echo
