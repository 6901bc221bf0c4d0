"""Names: what each hostile one becomes, and that the path finally opened is inside the inbox."""

import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qrshared.inbox import ItemFacts, NameRefused, clean_name, clean_path, folded
from qrshared.inbox.names import (
    EXTENSION_BYTES_MAX,
    FOLDERS_MAX,
    LOOKED_AT_MAX,
    NAME_BYTES_MAX,
    OWN_PREFIX,
    RESERVED_AT_TOP,
    SafeName,
    SafePath,
    numbered,
    shortened,
)
from qrshared.inbox.store import Store
from qrshared.protocol import NAME_CHARACTERS_MAX
from tests.adapters.inbox_world import key, listing

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "names.json").read_text())
DEVICES = {"CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"} | {
    f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"
}
LAUNCHERS = (".lnk", ".url", ".desktop", ".scf", ".local", ".library-ms", ".search-ms", ".webloc", ".inf")

PIECES = [
    "..", ".", "/", "\\", " ", "\0", "CON", "nul.txt", "a", "\u202e", "é", "e\u0301", ".lnk", "desktop", "~", "-",
    "\u200b", "\ud800", "x" * 120, "名" * 90, "C:", "\u200d", "Outbox", ".qrshared-", "\u3164", " " * 250, "(2)",
]  # fmt: skip
hostile = st.one_of(
    st.text(st.characters(codec=None), max_size=400),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.sampled_from([vector["proposed"] for vector in VECTORS]),
)


def faults_of(name: str) -> list[str]:
    """What is wrong with a cleaned component, by rules written apart from the cleaner."""
    categories = {unicodedata.category(c) for c in name if c not in "\u200c\u200d"}
    checks = {
        "empty": not name,
        "long": len(name.encode()) > NAME_BYTES_MAX + 10,
        "marks": any(c in '<>:"/\\|?*' for c in name),
        "unprintable": bool(categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}),
        "start": name.startswith((".", "~", "-", " ")),
        "end": name.endswith((".", " ")),
        "device": name.split(".")[0].strip().upper() in DEVICES,
        "launcher": name.casefold().replace(" ", "").endswith(LAUNCHERS),
        "not NFC": not unicodedata.is_normalized("NFC", name),
        "ours": name.casefold().startswith(OWN_PREFIX),
        "blank": not name.strip("_ \u200c\u200d\u2800\u3164\u115f\u1160\uffa0"),
    }
    return [fault for fault, is_there in checks.items() if is_there]


def test_there_are_at_least_300_vectors() -> None:
    assert len({vector["proposed"] for vector in VECTORS}) >= 300


@pytest.mark.parametrize("group", sorted({vector["group"] for vector in VECTORS}))
def test_each_hostile_name_becomes_what_the_vectors_say(group: str) -> None:
    for vector in [one for one in VECTORS if one["group"] == group]:
        try:
            path = clean_path(vector["proposed"])
        except NameRefused:
            assert vector.get("refused"), vector
            continue
        assert str(path) == vector.get("becomes"), vector
        assert not [fault for part in (*path.folders, path.name) for fault in faults_of(part)], vector


def test_the_rules_find_faults_in_names_nobody_cleaned() -> None:
    bad = ["", "a" * 300, "a:b", "a\u202eb", ".a", "a.", "nul.txt", "a.lnk", "e\u0301", ".qrshared-x", "__"]
    assert [name for name in bad if not faults_of(name)] == []


@given(hostile)
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("CON" + " " * 300 + "x.txt")
@example("aaa.lnk" + " " * 300 + "b")
def test_a_cleaned_name_is_faultless_and_cleaning_it_again_changes_nothing(proposed: str) -> None:
    name = clean_name(proposed)
    assert not faults_of(name)
    assert len(name.encode()) <= NAME_BYTES_MAX
    assert clean_name(name) == name


@given(hostile)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_cleaned_path_never_means_something_reserved(proposed: str) -> None:
    try:
        path = clean_path(proposed)
    except NameRefused:
        return
    assert folded((*path.folders, path.name)[0]) not in RESERVED_AT_TOP
    assert not [fault for part in (*path.folders, path.name) for fault in faults_of(part)]
    assert clean_path(str(path)) == path


@pytest.mark.parametrize("filling", ["x", "\u0316\u0301", " ", "\U0001f600", ".", "_lnk."])
def test_of_an_endless_name_only_its_beginning_and_its_suffix_are_looked_at(
    filling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def normalize(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        looked_at.append(len(text))
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(
        "qrshared.inbox.names.unicodedata", SimpleNamespace(**{**vars(unicodedata), "normalize": normalize})
    )
    name = clean_name("holiday_" + filling * (NAME_CHARACTERS_MAX // len(filling)) + ".jpg")
    assert (name[:7], name[-4:]) == ("holiday", ".jpg")
    assert not faults_of(name)
    assert clean_name("a" * NAME_CHARACTERS_MAX + ".lnk").endswith(".download")
    assert 0 < max(looked_at) <= LOOKED_AT_MAX


def test_a_tree_may_be_deep_but_not_deeper() -> None:
    assert len(clean_path("/".join("a" * (FOLDERS_MAX + 1))).folders) == FOLDERS_MAX
    with pytest.raises(NameRefused):
        clean_path("/".join("a" * (FOLDERS_MAX + 2)))


def test_numbers_stand_before_the_extension_and_1_is_the_name_itself() -> None:
    assert numbered(SafeName("a.tar.gz"), 2) == "a.tar (2).gz"
    assert numbered(SafeName("README"), 3) == "README (3)"
    assert numbered(SafeName("a.jpg"), 1) == "a.jpg"
    long_extension = SafeName("a." + "x" * (EXTENSION_BYTES_MAX + 1))
    assert numbered(long_extension, 2) == long_extension + " (2)"


def test_a_shortened_name_keeps_its_extension_and_whole_characters() -> None:
    assert shortened(SafeName("名" * 60 + ".jpg"), 100) == "名" * 32 + ".jpg"


# --- the path finally opened ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One inbox for all examples, with tempting things around it."""
    root = tmp_path_factory.mktemp("around")
    (root / "inbox").mkdir()
    (root / "secret").write_text("secret")
    (root / "inbox" / "link").symlink_to(root)
    (root / "inbox" / "dangling.txt").symlink_to(root / "made-through-a-link")
    opened = Store(
        root / "inbox", root / "data", file_mode=0o777, reserve_bytes=0, now=lambda: 0.0, holder="", rung=None
    )
    yield opened
    opened.close()


def place(store: Store, name: str, item: int, content: bytes) -> Path:
    """Receives one item the whole way and returns the path that its bytes are really at."""
    part = store.begin(key(item), ItemFacts(name, len(content)), stored=None, adopt=None, promised=0)
    store.write(part, [content])
    (outcome,) = store.place_group([(part, store.finish(part))])
    if isinstance(outcome, Exception):
        raise outcome
    return store.home.path / outcome.name


def assert_opened_inside(store: Store, name: str, item: int) -> None:
    around = listing(store.home.path.parent)
    content = f"item {item}".encode()
    try:
        path = place(store, name, item, content)
    except NameRefused:
        return
    real = Path(os.path.realpath(path))
    assert real == path
    assert real.is_relative_to(store.home.path)
    assert not path.is_symlink()
    assert real.read_bytes() == content
    assert real.stat().st_nlink == 1
    assert real.stat().st_mode & 0o111 == 0
    assert listing(store.home.path.parent) == around
    assert (store.home.path.parent / "secret").read_text() == "secret"


@given(hostile)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_path_finally_opened_is_a_new_plain_file_inside_the_inbox(store: Store, proposed: str) -> None:
    assert_opened_inside(store, proposed, len(listing(store.home.path)))


def test_every_vector_opens_inside_the_inbox(store: Store) -> None:
    for item, vector in enumerate(VECTORS):
        assert_opened_inside(store, vector["proposed"], 1_000_000 + item)


@pytest.mark.parametrize("name", ["link/secret", "link/x", "link", "dangling.txt", "link/inbox/x"])
def test_a_link_planted_in_the_inbox_is_never_followed(store: Store, name: str) -> None:
    assert_opened_inside(store, name, 2_000_000)
    assert not (store.home.path.parent / "made-through-a-link").exists()


def test_a_cleaner_that_lets_everything_through_is_noticed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the check looks at the real path, so it sees what a broken cleaner does."""
    monkeypatch.setattr("qrshared.inbox.commit.clean_path", lambda name: SafePath((), SafeName(name)))
    with pytest.raises(AssertionError):
        assert_opened_inside(store, "../escaped.txt", 3_000_000)
    (store.home.path.parent / "escaped.txt").unlink()


# --- the Outbox is reserved, however it is spelled --------------------------------------------------------------------

SPELLINGS = {
    letter: [letter, letter.upper(), chr(ord(letter) + 0xFEE0), chr(0x1D400 + ord(letter) - 97 + 26)]
    for letter in "outbx"
}
INVISIBLE = ["", "", "", "\u200c", "\u200d", "\ufe0f"]
outbox_spelled = st.builds(
    lambda letters, between, end: "".join(a + b for a, b in zip(letters, between, strict=True)) + end,
    st.tuples(*(st.sampled_from(SPELLINGS[letter]) for letter in "outbox")),
    st.tuples(*(st.sampled_from(INVISIBLE) for _ in "outbox")),
    st.sampled_from(["", ".", " ", ". "]),
)


@given(outbox_spelled, st.sampled_from(["", "/secret.txt", "/a/b.txt"]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_received_lands_in_the_outbox_however_it_is_spelled(
    store: Store, name: str, below: str
) -> None:
    (store.home.path / "Outbox").mkdir(exist_ok=True)
    assert folded(name.rstrip(". ")) == "outbox"  # the control: uncleaned, some file system takes it for the Outbox
    path = place(store, name + below, len(listing(store.home.path)), b"from a stranger")
    top = path.relative_to(store.home.path).parts[0]
    assert folded(top).startswith("outbox (")
    assert list((store.home.path / "Outbox").iterdir()) == []
