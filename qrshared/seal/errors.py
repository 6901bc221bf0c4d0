"""What can go wrong while a link is being sealed or used: every one of these ends the link and nothing else."""

from enum import StrEnum

from qrshared.errors import RemoteError


class Refusal(StrEnum):
    """Why a responder refuses before the seal; the values travel on the wire (`protocol/WIRE.md`, 2)."""

    UNKNOWN_KEY = "unknown_key"  # too old, used up or revoked
    WRONG_ROAD = "wrong_road"
    BUSY = "busy"
    HANDSHAKE = "handshake"
    VERSION = "version"

    @property
    def sentence(self) -> str:
        """What a person reads when the other side refused for this reason."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.UNKNOWN_KEY: "This code is too old or was already used. Scan the new one on the computer's screen.",
    Refusal.WRONG_ROAD: "This code works only at home. Join the home network, or ask for a code for away from home.",
    Refusal.BUSY: "The computer is talking to too many devices. Try again in a minute.",
    Refusal.HANDSHAKE: "The computer and this device could not agree on a key. Scan the code once more.",
    Refusal.VERSION: "The computer and this page speak different versions. Reload the page, or update qrshared.",
}


class SealError(RemoteError):
    """The connection could not be made secure, so it was closed. Scan the code once more."""


class MalformedOpening(SealError):
    """The other side does not speak qrshared's language ({detail}). The connection was closed."""


class HandshakeFailed(SealError):
    """The other side could not prove that it knows this code. Scan the code once more."""


class Reflected(SealError):
    """Something on the way sent our own words back to us. The connection was closed; nothing was sent."""


class MessageSpoiled(SealError):
    """A message was changed, lost or repeated on its way. The connection was closed; what was safe stays safe."""


class EnvelopeSpoiled(SealError):
    """A word between the two devices was changed on its way. It was dropped; nothing else is affected."""


class LinkWornOut(SealError):
    """This connection has carried as much as one key may seal. It was closed and can be opened again."""


class FragmentMalformed(SealError):
    """The address is not complete: the part after # is missing or cut. Scan the code once more."""


class Refused(SealError):
    """{sentence}"""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(sentence=refusal.sentence)
