"""What can go wrong between a command and the daemon, as sentences for the person who typed the command."""

from qrshared.errors import UserError


class NotRunning(UserError):
    """qrshared is not running: nothing answers in {data_dir}.

    Start it with `qrshared`, or for good with `qrshared service install`.
    """


class AlreadyRunning(UserError):
    """qrshared is already running with the data folder {data_dir}.

    `qrshared status` says where; stop that one first, or choose another folder with --data-dir.
    """


class UnsafeDoor(UserError):
    """{path} {problem}, so qrshared does not use it. {advice}"""


class DaemonGone(UserError):
    """The daemon stopped before it had answered. Look with `qrshared status` and try again."""


class DaemonStuck(UserError):
    """The daemon did not answer within {seconds} seconds. If that stays so, start it anew."""


class DaemonBusy(UserError):
    """Too many commands ask the daemon at once. Try again in a moment."""


class DaemonRefused(UserError):
    """{sentence}"""


class OtherVersion(UserError):
    """The running daemon and this command do not understand each other: one of them was updated.

    Start the daemon anew.
    """
