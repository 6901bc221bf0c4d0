"""What the commands say: sizes, times, names, choices and edits, without a daemon."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.cli.card import png_code, svg_card
from qrshared.cli.code import code_matrix
from qrshared.cli.devices import ManyDevices, NoSuchDevice, choose_device
from qrshared.cli.inbox import NewEntries
from qrshared.cli.opening import has_screen, leading_page, remote_words
from qrshared.cli.status import devices_words, edge_words, status_lines, transfer_words
from qrshared.cli.words import duration_words, is_here_only, size_words, time_words, visible
from qrshared.protocol import (
    AddressFacts,
    DeviceFacts,
    EdgeFacts,
    EntryFacts,
    InboxList,
    LineState,
    PeerKind,
    RelayFacts,
    RoadInUse,
    StatusFacts,
    TransferFacts,
    TransferState,
    TurnKind,
)
from qrshared.settings import BrokenConfig, CannotEdit, with_setting, write_setting

STATUS = StatusFacts(
    version="0.1.0",
    pid=17,
    computer="STUDY-PC",
    urls=("http://192.168.1.7:7774/", "http://127.0.0.1:7774/"),
    local_name=None,
    inbox="/home/anna/QRShare",
    free_bytes=2_100_000_000,
    sessions=0,
    started_ms=0,
    addresses=(AddressFacts("192.168.1.7", "eth0", 93, "+40 physical device"),),
    problems=("The disk is nearly full.",),
)
ARRIVING = TransferFacts(
    transfer="0" * 32,
    device="Anna's phone",
    kind=PeerKind.PHONE,
    state=TransferState.ARRIVING,
    items=214,
    items_done=137,
    items_failed=0,
    bytes=2_000_000_000,
    bytes_done=1_000_000_000,
    rate=25_000_000,
    left_s=40,
    started_ms=0,
    current="secret.jpg",
)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2_149_000_000, "2.1 GB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_949, "1000 kB"),
        (999_950, "1.0 MB"),
        (2**53 - 1, "9007 TB"),
    ],
)
def test_sizes_read_as_phones_count(count: int, words: str) -> None:
    assert size_words(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 second"), (40, "40 seconds"), (89, "89 seconds"), (90, "2 minutes"), (3600, "1 hour"), (200_000, "2 days")],
)
def test_durations_are_rounded_to_what_one_says(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_times_leave_out_today() -> None:
    assert len(time_words(1_700_000_000_000, 1_700_000_000)) == len("12:34")
    assert len(time_words(1_600_000_000_000, 1_700_000_000)) == len("2020-09-13 12:34")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Anna's phone", "Anna's phone"),
        ("\x1b]0;title\x07\x1b[2J", "\ufffd]0;title\ufffd\ufffd[2J"),
        ("a\r\nb\tc", "a\ufffd\ufffdb\ufffdc"),
        ("\u202egpj.exe", "\ufffdgpj.exe"),
        ("\x9b31m", "\ufffd31m"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("صورة.jpg", "صورة.jpg"),
    ],
)
def test_names_cannot_move_the_cursor_or_turn_the_line_around(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_transfer_is_one_line_that_names_no_file() -> None:
    assert transfer_words(ARRIVING) == (
        "Anna's phone: 137 of 214 files, 1.0 GB of 2.0 GB, arriving, 25.0 MB/s, about 40 seconds left"
    )
    waiting = replace(ARRIVING, state=TransferState.WAITING, items=1, items_done=0, items_failed=1)
    assert transfer_words(waiting) == (
        "Anna's phone: 0 of 1 file, 1 failed, 1.0 GB of 2.0 GB, waiting for the phone to come back"
    )


def test_the_status_says_where_what_and_what_is_wrong() -> None:
    lines = "\n".join(status_lines(STATUS, 0))
    for part in ("STUDY-PC", "process 17", "http://192.168.1.7:7774/", "/home/anna/QRShare", "2.1 GB", "nearly full"):
        assert part in lines


def test_the_status_says_how_it_is_reached_away_from_home() -> None:
    def shown(edge: EdgeFacts | None, relay: RelayFacts | None = None) -> str:
        return "\n".join(status_lines(replace(STATUS, edge=edge, relay=relay), 0))

    url = "https://share.example.org"
    assert "Away" not in shown(None)
    assert f"{url} (connected: " in shown(EdgeFacts(url, LineState.CONNECTED))
    assert f"{url} (connecting)" in shown(EdgeFacts(url, LineState.CONNECTING))
    failed = EdgeFacts(url, LineState.FAILED, "No \x1b[2Jqrshared answers there.")
    assert f"{url} (not connected: No \ufffd[2Jqrshared answers there)" in shown(failed)
    assert "(not connected: it does not answer)" in shown(EdgeFacts(url, LineState.FAILED))
    used = RelayFacts(TurnKind.METERED, "2026-11", 6_000_000_000, 104_857_600)
    assert "rented at Metered; 6.0 GB in 2026-11, pages ask before they send more than 105 MB" in shown(None, used)
    none = RelayFacts(TurnKind.NONE, "2026-11", 0, 0)
    assert "allow no direct way" in shown(None, none)
    assert "lends" not in shown(None, none)
    lent = shown(None, replace(none, bytes=7_000_000, borrowed=True))
    assert "none of your own: the edge lends its relay" in lent
    assert "7.0 MB in 2026-11" in lent
    assert "allow no direct way" not in lent


def test_the_status_says_by_which_road_devices_came_unless_all_are_at_home() -> None:
    def at(road: RoadInUse | None) -> DeviceFacts:
        return replace(device("x", "a"), online=road is not None, road=road)

    assert devices_words([at(RoadInUse.HOME), at(None)]) == "2, 1 connected now"
    away = [at(RoadInUse.RELAY), at(RoadInUse.HOME), at(RoadInUse.DIRECT), at(RoadInUse.HOME)]
    assert devices_words(away) == "4, 4 connected now (2 at home, 1 directly from away, 1 through the relay)"


def device(name: str, id_: str) -> DeviceFacts:
    return DeviceFacts(id_ + "0" * (32 - len(id_)), name, PeerKind.PHONE, "guest", ("send",), 0, 0, online=False)


DEVICES = (device("Anna", "aaaa1111"), device("anna", "bbbb1111"), device("Ben", "bbbb2222"), device("bbbb", "cccc"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [("Anna", 0), ("anna", 1), ("ben", 2), (" Ben ", 2), ("bbbb", 3), ("bbbb2", 2), ("BBBB2", 2), ("aaaa", 0)],
)
def test_a_device_is_meant_by_its_name_or_the_beginning_of_its_id(said: str, meant: int) -> None:
    assert choose_device(DEVICES, said) == DEVICES[meant]


def test_a_doubtful_or_unknown_device_is_a_sentence() -> None:
    with pytest.raises(ManyDevices, match=r"aaaa1111 \[send, as a guest\], bbbb1111 \[send, as a guest\]"):
        choose_device(DEVICES, "ANNA")
    with pytest.raises(NoSuchDevice, match='Did you mean "Ben"'):
        choose_device(DEVICES, "Bem")
    with pytest.raises(NoSuchDevice):
        choose_device(DEVICES, "aa")
    with pytest.raises(NoSuchDevice):
        choose_device((), "")


def test_who_sends_to_a_name_means_the_device_that_may_take_it_whatever_a_guest_is_called() -> None:
    mine = replace(device("Pixel 8", "cccc1111"), trust="trusted", rights=("send", "pick_up"), online=True)
    both = (device("Pixel 8", "aaaa1111"), mine)
    assert choose_device(both, "Pixel 8", to_take=True) == mine
    assert choose_device(both[:1], "Pixel 8", to_take=True) == both[0]  # the computer says why not
    with pytest.raises(ManyDevices, match=r"cccc1111 \[send and pick up, here now\]"):
        choose_device(both, "Pixel 8")


def entries(*names: str) -> tuple[EntryFacts, ...]:
    return tuple(EntryFacts(name, 1, 0) for name in names)


def names(fresh: object) -> list[str]:
    assert isinstance(fresh, list | tuple)
    return [entry.name for entry in fresh]


def test_following_says_each_arrival_once_the_oldest_first() -> None:
    news = NewEntries(at_first=2)
    assert names(news.among(InboxList("/", entries("c", "b", "a"), 3))) == ["b", "c"]
    assert names(news.among(InboxList("/", entries("c", "b", "a"), 3))) == []
    assert names(news.among(InboxList("/", entries("e", "d", "c", "b", "a"), 5))) == ["d", "e"]
    assert names(news.among(InboxList("/", entries("e", "c", "b", "a"), 4))) == []


def test_a_renamed_file_is_said_once_though_its_time_is_known_later_and_a_new_one_of_its_name_again() -> None:
    news = NewEntries(at_first=2)
    (entry,) = entries("a")
    assert names(news.among(InboxList("/", (entry,), 1))) == ["a"]
    renamed = replace(entry, name="b", arrived_ms=entry.arrived_ms + 500)
    assert names(news.among(InboxList("/", (renamed,), 1))) == ["b"]
    assert names(news.among(InboxList("/", (replace(renamed, arrived_ms=entry.arrived_ms),), 1))) == []
    assert names(news.among(InboxList("/", (replace(renamed, arrived_ms=entry.arrived_ms + 900),), 1))) == ["b"]


def test_old_files_that_move_up_in_a_long_list_are_not_news() -> None:
    news = NewEntries(at_first=10)
    assert names(news.among(InboxList("/", entries("d", "c"), 4))) == ["c", "d"]
    assert names(news.among(InboxList("/", entries("d", "b"), 3))) == []
    assert names(news.among(InboxList("/", entries("e", "d"), 4))) == ["e"]
    assert names(news.among(InboxList("/", entries("z", "y"), 9))) == ["y", "z"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "port = 1\n"),
        ("port = 7774\n", "port = 1\n"),
        ('# mine\nname = "x"\n"port"=7774 # why\n', '# mine\nname = "x"\nport = 1\n'),
        ("[table]\nkey = 1\n", "port = 1\n[table]\nkey = 1\n"),
        ("# port = 3\n", "port = 1\n# port = 3\n"),
        ("ports = 3\n", "port = 1\nports = 3\n"),
    ],
)
def test_a_setting_is_changed_in_place_and_nothing_else(before: str, after: str) -> None:
    assert with_setting(before, "port", "1") == after


@pytest.mark.parametrize("text", ["[table]\nport = 7774\n", 'text = """\nport = 7774\n"""\n'])
def test_a_line_that_is_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(CannotEdit):
        write_setting(path, "port", "1")
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_file_is_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("port = = 3\n")
    with pytest.raises(BrokenConfig):
        write_setting(path, "name", '"x"')
    assert path.read_text() == "port = = 3\n"
    path.write_text("port = 3\n")
    write_setting(path, "name", '"x"')
    assert tomllib.loads(path.read_text()) == {"port": 3, "name": "x"}


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {}, False),
        ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, False),
        ("darwin", {}, True),
        ("darwin", {"SSH_TTY": "/dev/ttys000"}, False),
        ("win32", {}, True),
    ],
)
def test_a_browser_is_started_only_where_somebody_sees_it(
    platform: str, variables: dict[str, str], expected: bool
) -> None:
    assert has_screen(variables, platform) is expected


def test_without_a_screen_the_ssh_line_is_exact() -> None:
    url = "http://127.0.0.1:7774/owner#1abc"
    said = remote_words(url, STATUS, {"SSH_CONNECTION": "10.0.0.9 51234 10.0.0.2 22"})
    assert said.splitlines()[0] == url
    assert "ssh -L 7774:127.0.0.1:7774 " in said
    assert said.endswith("@10.0.0.2")
    assert remote_words(url, STATUS, {}).endswith("@192.168.1.7")


def test_the_leading_page_leads_to_the_link_and_nothing_in_it_can_leave_its_place() -> None:
    page = leading_page('http://127.0.0.1:1/owner#1"</script><script>alert(1)</script>')
    assert page.count("<script>") == 1
    assert 'location.replace("http://127.0.0.1:1/owner#1' in page


def test_the_card_holds_name_code_and_words_escaped() -> None:
    card = svg_card(code_matrix("http://x/p#1abc"), computer="<b>&", url="http://x/p#1abc")
    assert "&lt;b&gt;&amp;" in card
    assert "<b>" not in card
    assert "1abc" not in card, "the secret is in the squares only"
    assert "Point your camera here" in card


def test_the_picture_is_a_png_of_one_bit_and_the_right_size() -> None:
    matrix = code_matrix("http://x/p#1abc")
    picture = png_code(matrix)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20], "big") == len(matrix) * 16
    assert picture[24:26] == b"\x01\x00"
    assert len(picture) < 4000


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:7780", True), ("http://localhost:7780/p#1x", True), ("https://edge.localhost", True),
        ("http://[::1]:80", True), ("http://192.168.1.7:7780", False), ("https://share.example.org", False),
    ],
)  # fmt: skip
def test_an_edge_that_exists_on_this_computer_only_is_called_that(url: str, is_here: bool) -> None:
    assert is_here_only(url) == is_here
    assert ("no phone reaches it" in edge_words(EdgeFacts(url, LineState.CONNECTED))) == is_here
