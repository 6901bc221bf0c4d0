"""What can go wrong with a file that is to be sent; the docstring is what the person reads."""

from qrshared.errors import QrsharedError


class ShelfError(QrsharedError):
    """{name} cannot be sent."""


class SourceUnreadable(ShelfError):
    """{name} cannot be read: {problem}."""


class SourceChanged(ShelfError):
    """{name} was changed while it was being sent. Send it again."""
