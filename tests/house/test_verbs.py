"""Each verb and each topic of the wire is carried out by somebody, and shown to both codecs."""

import json
from typing import get_args

import pytest

from qrshared.daemon.desk import SEES, FrontDesk
from qrshared.errors import LocalError
from qrshared.protocol import Topic, Verb
from qrshared.protocol.reading import wire_name
from tests.house.tree import ROOT


def test_a_desk_with_a_verb_that_nobody_carries_out_is_refused_at_the_start() -> None:
    with pytest.raises(LocalError) as told:
        FrontDesk().furnish({}, {}, lambda _envelope, _device: None)
    assert "'GetStatus'" in told.value.sentence
    assert "'WALL'" in told.value.sentence


def test_every_topic_says_whom_it_is_for() -> None:
    assert set(SEES) == set(Topic)


def test_every_verb_has_a_vector() -> None:
    vectors = json.loads((ROOT / "tests" / "vectors" / "messages.json").read_text(encoding="ascii"))
    shown = {message["verb"]["t"] for message in map(json.loads, _texts(vectors)) if message["t"] == "ask"}
    assert shown == {wire_name(kind) for kind in get_args(Verb)}


def _texts(vectors: dict[str, list[dict[str, str]]]) -> list[str]:
    return [vector["text"] for vector in vectors["valid"] if "text" in vector]
