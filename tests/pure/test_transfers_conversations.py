"""Sender and receiver answer every conversation as it is written down, step by step; the page's twins play the same."""

import json
from pathlib import Path

import pytest

from qrshared.transfers import Receiver, Sender
from qrshared.transfers.phases import RECEIVER_HEARS, SENDER_HEARS, ReceiverPhase, SenderPhase
from tests.vectors.player import Json, Player

CONVERSATIONS: list[Json] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "conversations.json").read_text(encoding="ascii")
)


def played(conversation: Json) -> list[tuple[object, object]]:
    player = Player(conversation)
    steps = conversation["steps"]
    assert isinstance(steps, list)
    return [({**step, "out": player.play(step)}, step) for step in steps]


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: str(conversation["name"]))
def test_a_conversation_goes_as_it_is_written_down(conversation: Json) -> None:
    for said, written in played(conversation):
        assert said == written


def test_the_control_a_receiver_that_forgets_proofs_fails_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrshared.transfers.arrival.Arrival.awaits_proof", property(lambda _: False))
    failed = [c["name"] for c in CONVERSATIONS if any(said != written for said, written in played(c))]
    assert any("proof" in str(name) for name in failed)
    assert len(failed) < len(CONVERSATIONS) / 2


def test_every_phase_has_its_line_in_the_table() -> None:
    assert set(SENDER_HEARS) == set(SenderPhase)
    assert set(RECEIVER_HEARS) == set(ReceiverPhase)


def test_the_conversations_visit_every_phase() -> None:
    visited: set[object] = set()
    for conversation in CONVERSATIONS:
        player = Player(conversation)
        steps = conversation["steps"]
        assert isinstance(steps, list)
        for step in steps:
            player.play(step)
            assert isinstance(player.end, Sender | Receiver)
            visited.add(player.end.phase)
    assert visited == {*SenderPhase, *ReceiverPhase}
