"""What can go wrong with what is to be sent; the docstring is what the person reads."""

from qrshared.errors import QrsharedError


class ShelfError(QrsharedError):
    """{name} cannot be sent."""


class SourceUnreadable(ShelfError):
    """{name} cannot be read: {problem}."""


class SourceChanged(ShelfError):
    """{name} was changed while it was being sent. Send it again."""


class TreeTooLarge(ShelfError):
    """{name} holds more than {count} files and folders, or some too deep inside. Send its folders one by one."""


class OutboxInTheWay(ShelfError):
    """{name} is {problem}, so nothing can be put there for phones. Move it away, and the folder is made anew."""
