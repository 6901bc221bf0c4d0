"""The family of errors: one class per thing a caller treats differently, its docstring the sentence a person reads.

A sentence says what happened and what to do now. `{fields}` in it are filled from the keyword arguments:

    class InboxGone(RemoteError):
        \"\"\"The folder {folder} is gone. Make it again, or choose another one with --inbox.\"\"\"

    raise InboxGone(folder="/mnt/stick")
"""


class _Fields(dict[str, object]):
    """Leaves an unfilled `{field}` visible: a sentence with a gap is better than a second error hiding the first."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


class QrsharedError(Exception):
    """Something went wrong in qrshared."""

    def __init__(self, sentence: str | None = None, /, **fields: object) -> None:
        self.fields = fields
        text = sentence if sentence is not None else " ".join((type(self).__doc__ or type(self).__name__).split())
        self.sentence = text.format_map(_Fields(fields)) if sentence is None else text
        super().__init__(self.sentence)


class UserError(QrsharedError):
    """That did not work as asked: the person at this computer can put it right."""

    exit_code = 1


class LocalError(QrsharedError):
    """This is a fault in qrshared itself, please report it: {what}"""


class RemoteError(QrsharedError):
    """The other side said something that cannot be accepted ({reason}); it was refused and nothing else is affected."""

    reason: str = "protocol"
    """What travels to the peer; a member of the protocol's `Reason`, whose values are plain strings."""

    def __init__(self, reason: str | None = None, /, **fields: object) -> None:
        self.reason = str(reason) if reason is not None else type(self).reason
        super().__init__(**{"reason": self.reason, **fields})
