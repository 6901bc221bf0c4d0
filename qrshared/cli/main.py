"""The command `qrshared`: which commands there are, in which order they are shown, and how errors end."""

import os
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType

import click

from qrshared import __version__
from qrshared.cli import config, devices, doctor, inbox, opening, qr, run, send, services, signal, status
from qrshared.cli.options import debug_option
from qrshared.errors import LocalError, QrsharedError, UserError

COMMANDS = (run, opening, qr, send, inbox, status, devices, doctor, services, config, signal)
"""In the order of the help; each module has one `command`."""

FIRST = 5
"""So many are what most people ever need; the others stand under "More"."""

INTERRUPTED = 130
"""As a shell counts a program that SIGINT ended."""

READER_GONE = 1
"""What click says when it meets a closed pipe itself: quiet, and not a success."""


class Commands(click.Group):
    """`qrshared` alone, or with flags only, is `qrshared run`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "--version"}
        if not any(word in own or word in self.commands for word in args) and all(
            word.startswith("-") for word in args[:1]
        ):
            args = ["run", *args]
        return super().parse_args(context, args)

    def list_commands(self, context: click.Context) -> list[str]:
        del context
        return list(self.commands)

    def format_usage(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        del context
        formatter.write_usage("qrshared", "[COMMAND] [FLAGS]")

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        known = [(name, self.commands[name]) for name in self.list_commands(context)]
        commands = [(name, command.get_short_help_str(90)) for name, command in known if not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(commands[:FIRST])
        with formatter.section("Examples"):
            formatter.write_dl(
                [
                    ("qrshared", "show the code and receive files until Ctrl-C"),
                    ("qrshared qr", "a code for one phone of yours"),
                    ("qrshared inbox --follow", "say what arrives"),
                ]
            )
        with formatter.section("More"):
            formatter.write_dl(commands[FIRST:])
        formatter.write("\nEach command explains itself: qrshared COMMAND --help\n")


@click.group(cls=Commands, add_help_option=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="qrshared %(version)s")
@debug_option
def commands() -> None:
    """Scan a QR code with any phone and send files: they land whole in a folder of this computer.

    Nothing to install on the phone, no account, no cloud.
    """


for _module in COMMANDS:
    commands.add_command(_module.command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code is 0, 1 (a sentence says why), 2 (not understood) or a signal's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    if not is_debug:
        sys.excepthook = _tell_fault
    try:
        ended: object = commands.main(words, prog_name="qrshared", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that is gone can still be met quietly
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as wrong:
        click.echo(_wrong_use(wrong), err=True)
        return wrong.exit_code
    except BrokenPipeError:
        # The interpreter flushes once more at its end and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except QrsharedError as fault:
        if is_debug or isinstance(fault, LocalError):
            raise
        click.echo(fault.sentence, err=True)
        return fault.exit_code if isinstance(fault, UserError) else 1
    except ExceptionGroup as faults:
        # Several tasks of the daemon may fail of one cause; anything but sentences for people is a fault of ours.
        known, unforeseen = faults.split(QrsharedError)
        if is_debug or unforeseen is not None or known is None:
            raise
        for sentence in dict.fromkeys(_sentences(known)):
            click.echo(sentence, err=True)
        return 1
    return ended if isinstance(ended, int) else 0


def _wrong_use(wrong: click.ClickException) -> str:
    """Like all that is said when something is wrong: the sentence first, then what to do."""
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    command = "qrshared" if context is None else context.command_path
    return f"{wrong.format_message()}\n`{command} --help` says how it is used."


def _sentences(faults: ExceptionGroup[QrsharedError]) -> Iterator[str]:
    for fault in faults.exceptions:
        if isinstance(fault, ExceptionGroup):
            yield from _sentences(fault)
        else:
            yield fault.sentence


def _tell_fault(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw is still one sentence; the interpreter then ends with exit code 1."""
    del trace
    sentence = fault.sentence if isinstance(fault, LocalError) else str(LocalError(what=f"{kind.__name__}: {fault}"))
    click.echo(f"{sentence}\nThe same command with --debug shows where.", err=True)


if __name__ == "__main__":
    sys.exit(main())
