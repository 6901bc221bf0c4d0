"""What a register refuses, and whom that concerns."""

from qrshared.errors import RemoteError, UserError


class TicketSpent(RemoteError):
    """This code was already used by another device, or its time is over. Scan the new one on the computer's screen."""

    reason = "expired"


class NotATicket(RemoteError):
    """This device already has its own key and cannot ask for another one."""


class KeyMalformed(RemoteError):
    """This device offered a key that is none. Reload the page."""


class RegisterFull(RemoteError):
    """The computer already knows {count} devices and all of them are trusted. Revoke one there, then scan again."""

    reason = "busy"


class UnknownDevice(RemoteError):
    """There is no such device (any more)."""

    reason = "not_found"


class TooManyTickets(UserError):
    """There are already {count} codes that stay valid. Revoke one first."""


class RegisterDamaged(UserError):
    """The list of known devices and codes cannot be read ({detail}). Move the file away to start with an empty list:
    every phone then scans the code once more."""
