"""What a person reads when the service cannot be set up, each with the next step."""

from qrshared.errors import UserError


class NoSystemd(UserError):
    """This system has no systemd that could start qrshared by itself. Let something else run: {command}"""


class LingerRefused(UserError):
    """Without one more step qrshared would end when you log out. Run it, then `qrshared service install` again:
    {command}
    """


class SystemdSilent(UserError):
    """Your own systemd does not answer ({problem}). Log in as this user directly, not by su or sudo, and try again."""


class StepFailed(UserError):
    """`{command}` did not work: {problem}"""


class DidNotStart(UserError):
    """The service was set up but did not start; its last words stand below. Put that right and try again.{log}"""

    def __init__(self, *, log: str) -> None:
        super().__init__(log="\n" + log)


class StillRunning(UserError):
    """qrshared runs{process}: stop it first, then `qrshared service remove --purge` again. Nothing was deleted."""


class CopyFailed(UserError):
    """The program could not be copied to {folder}: {problem}"""
