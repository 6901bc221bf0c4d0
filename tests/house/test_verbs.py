"""Each verb and each topic of the wire is carried out by somebody, and shown to both codecs."""

import json
from typing import get_args

from qrshared.daemon.deeds import Deeds
from qrshared.daemon.desk import SEES
from qrshared.daemon.views import Views
from qrshared.protocol import Topic, Verb
from qrshared.protocol.reading import wire_name
from tests.house.tree import ROOT


def test_every_verb_has_a_deed() -> None:
    assert set(object.__new__(Deeds).table()) == set(get_args(Verb))


def test_every_topic_has_a_right_and_a_view() -> None:
    assert set(SEES) == set(Topic)
    assert set(object.__new__(Views).table()) == set(Topic)


def test_every_verb_has_a_vector() -> None:
    vectors = json.loads((ROOT / "tests" / "vectors" / "messages.json").read_text(encoding="ascii"))
    shown = {message["verb"]["t"] for message in map(json.loads, _texts(vectors)) if message["t"] == "ask"}
    assert shown == {wire_name(kind) for kind in get_args(Verb)}


def _texts(vectors: dict[str, list[dict[str, str]]]) -> list[str]:
    return [vector["text"] for vector in vectors["valid"] if "text" in vector]
