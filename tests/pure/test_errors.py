"""Errors: the docstring is what a person reads."""

from qrshared.errors import QrsharedError, RemoteError, UserError


class FolderGone(RemoteError):
    """The folder {folder} is gone.
    Make it again, or choose another one.
    """

    reason = "inbox_gone"


def test_the_sentence_is_the_docstring_on_one_line_with_its_fields() -> None:
    error = FolderGone(folder="/mnt/{stick}")
    assert str(error) == error.sentence == "The folder /mnt/{stick} is gone. Make it again, or choose another one."
    assert error.fields["folder"] == "/mnt/{stick}"


def test_a_missing_field_leaves_a_gap_and_not_a_second_error() -> None:
    assert "{folder}" in FolderGone().sentence


def test_a_given_sentence_is_taken_as_it_is() -> None:
    assert UserError("50 % of {this}").sentence == "50 % of {this}"


def test_a_remote_error_has_the_reason_the_peer_is_told() -> None:
    assert FolderGone().reason == "inbox_gone"
    assert RemoteError("short").reason == "short"
    assert "(short)" in RemoteError("short").sentence
    assert isinstance(RemoteError("short"), QrsharedError)
