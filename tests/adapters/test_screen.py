"""A folder on this computer's own screen: what a sender made is shown there and never run."""

import sys
from pathlib import Path

import pytest

from qrshared.daemon.screen import _command

INBOX = Path("/Users/anna/QRShare")


def test_a_folder_that_a_sender_made_is_not_opened_where_a_folder_may_be_a_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _command(INBOX, is_ours=True) == ["open", "--", str(INBOX)], "control"
    assert _command(INBOX / "Trip.app", is_ours=False) == ["open", "-R", str(INBOX / "Trip.app")]


def test_without_a_screen_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert _command(INBOX, is_ours=True) is None
