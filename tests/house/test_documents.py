"""What the documents promise stands in the code, and the other way round."""

import dataclasses
import importlib
import re
from collections.abc import Iterable
from typing import get_args

import click

from qrshared.protocol import Facts, Finish, Message, Ping, Verb
from qrshared.protocol.reading import wire_name
from qrshared.settings import READ_AT_START, all_settings
from tests.house.tree import ROOT


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def settings_missing_from(text: str) -> list[str]:
    """Each setting has a row: | `--flag` | `VARIABLE` | …"""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [
        each.name
        for each in all_settings()
        if not any(f"`{each.variable}`" in row and re.search(rf"--(no-)?{each.flag[2:]}\b", row) for row in rows)
    ]


def commands_missing_from(text: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if not re.search(rf"`qrshared {name}\b", text)]


def gaps_in_wire(text: str, kinds: Iterable[type]) -> list[str]:
    """Each message, fact and verb has a row: | `wire_name` | … with every field named in it."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    gaps: list[str] = []
    for kind in kinds:
        row = next((row for row in rows if f"`{wire_name(kind)}`" in row.split("|")[1]), None)
        if row is None:
            gaps.append(wire_name(kind))
        else:
            names = [field.name for field in dataclasses.fields(kind)]
            gaps += [f"{wire_name(kind)}.{name}" for name in names if not re.search(rf"\b{name}\b", row)]
    return gaps


def top_commands() -> list[str]:
    command_line = importlib.import_module("qrshared.cli.main")
    groups = [value for value in vars(command_line).values() if isinstance(value, click.Group)]
    return sorted({name for group in groups for name in group.commands if not group.commands[name].hidden})


def test_every_setting_is_in_the_readme() -> None:
    assert settings_missing_from(readme()) == []


IN_THE_FILE_ONLY = frozenset({"log_level"})
"""Settings that count at once and that nobody needs on the owner page."""


def settings_without_words(text: str) -> set[str]:
    """What the owner page could change and has no words for; and words for what it cannot."""
    worded = set(re.findall(r"^ {6}(\w+): \{ label:", text, re.MULTILINE))
    return worded ^ ({each.name for each in all_settings()} - READ_AT_START - IN_THE_FILE_ONLY)


def test_every_setting_that_counts_at_once_has_words_on_the_owner_page() -> None:
    text = (ROOT / "web" / "src" / "view" / "setting-words.ts").read_text(encoding="utf-8")
    assert settings_without_words(text) == set()
    assert settings_without_words(text.replace("      accept: {", "      agree: {")) == {"accept", "agree"}


def test_every_command_is_in_the_readme() -> None:
    assert len(top_commands()) > 5
    assert commands_missing_from(readme(), top_commands()) == []


def test_every_message_is_in_the_wire_document() -> None:
    """`transfer` is a field of every transfer message and said once; a chunk is binary and drawn in its own section."""
    kinds = [*get_args(Message), *get_args(Facts), *get_args(Verb)]
    assert len(kinds) > 30
    text = (ROOT / "qrshared" / "protocol" / "WIRE.md").read_text(encoding="utf-8")
    gaps = [gap for gap in gaps_in_wire(text, kinds) if not gap.endswith(".transfer") and not gap.startswith("chunk")]
    assert gaps == []
    assert re.search(r"chunk", text, re.IGNORECASE)


def test_a_gap_is_noticed() -> None:
    assert settings_missing_from("| `--port` | `QRSHARED_PORT` |") == [
        each.name for each in all_settings() if each.name != "port"
    ]
    assert commands_missing_from("`qrshared run --port 1`", ["run", "open"]) == ["open"]
    assert gaps_in_wire("| `ping` | both | |", [Ping, Finish]) == ["ping.n", "finish"]
