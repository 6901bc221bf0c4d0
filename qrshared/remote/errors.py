"""What a person is told when the edge is gone, or two devices do not get together through it."""

from qrshared.errors import QrsharedError, RemoteError


class MeetingSpoiled(RemoteError):
    """Something between the two devices changed what they said to each other, so nothing was sent. Try again, or use
    another network."""

    reason = "spoiled"


class NoAnswer(RemoteError):
    """The other device does not answer. See that it is on and connected to the internet, then try again."""

    reason = "no_answer"


class SpeaksDifferently(RemoteError):
    """The two devices do not understand each other. Reload the page, and update qrshared on the computer."""

    reason = "wrong"


class EdgeAway(QrsharedError):
    """The meeting point {url} does not answer. At home all works; away from home devices wait until it is back."""
