"""Settings: who wins, and what a person reads when a value is wrong."""

import dataclasses
import os
import stat
from pathlib import Path

import pytest

from qrshared.settings import (
    Accept,
    BadSetting,
    BrokenConfig,
    Hours,
    Settings,
    UnknownSetting,
    UnsafeConfig,
    UnsafeDataFolder,
    Wall,
    all_settings,
    computer_name,
    load_settings,
    make_data_dir,
)
from qrshared.settings.away import SERVERS_MAX, WORD_CHARACTERS_MAX
from qrshared.settings.hours import read_hours
from qrshared.settings.values import NAME_CHARACTERS_MAX, Expected


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


def write_config(data_dir: Path, text: str, mode: int = 0o600) -> None:
    path = data_dir / "config.toml"
    path.write_text(text)
    path.chmod(mode)


def test_the_later_source_wins(data_dir: Path) -> None:
    write_config(data_dir, 'port = 1\nwall = "off"\nname = "From file"\nguest_daily_gb = 7\n')
    loaded = load_settings(
        flags={"data_dir": str(data_dir), "port": 4, "name": None},
        environment={"PORT": "2", "QRSHARED_PORT": "3", "QRSHARED_WALL": "computer"},
    )
    assert (loaded.settings.port, loaded.sources["port"]) == (4, "--port")
    assert (loaded.settings.wall, loaded.sources["wall"]) == (Wall.COMPUTER, "QRSHARED_WALL")
    assert (loaded.settings.name, loaded.sources["name"]) == ("From file", f"{data_dir / 'config.toml'}, line 3")
    assert loaded.settings.guest_daily_gb == 7
    assert (loaded.settings.mdns, loaded.sources["mdns"]) == (True, "default")


def test_our_own_name_is_stronger_than_the_established_one(data_dir: Path) -> None:
    environment = {"QRSHARED_DATA_DIR": str(data_dir), "PORT": "2"}
    assert load_settings(flags={}, environment=environment).settings.port == 2
    assert load_settings(flags={}, environment=environment | {"QRSHARED_PORT": "3"}).settings.port == 3


def test_every_setting_can_be_given_as_a_variable(data_dir: Path) -> None:
    written = {
        "host": "127.0.0.1", "port": "0", "inbox": "~/in", "data_dir": str(data_dir), "name": "Küche", "mdns": "no",
        "wall": "off", "accept": "Ask", "file_mode": "600", "guest_daily_gb": "1", "reserve_mb": "2", "notices": "0",
        "public_host": "a.example:8443", "log_level": "DEBUG", "edge": "wss://edge.example/signal",
        "stun": "stun:a.example, stun:b.example:3478", "turn_url": "turn:r.example:3478?transport=tcp",
        "turn_secret_file": "~/turn.secret", "turn_user": "anna", "turn_password_file": "/run/secrets/turn",
        "metered_app": "my-app", "metered_key_file": "/run/secrets/metered", "relay_ask_mb": "0",
        "plain_downloads": "no", "quiet_hours": "22:00-7:30",
    }  # fmt: skip
    assert written.keys() == {each.name for each in all_settings()}
    environment = {each.variable: written[each.name] for each in all_settings()}
    loaded = load_settings(flags={}, environment=environment)
    assert set(loaded.sources.values()) == set(environment)
    assert loaded.settings == Settings(
        host="127.0.0.1", port=0, inbox=Path.home() / "in", data_dir=data_dir, name="Küche", mdns=False, wall=Wall.OFF,
        accept=Accept.ASK,
        file_mode=0o600, guest_daily_gb=1, reserve_mb=2, notices=False, public_host="a.example:8443", log_level="debug",
        edge="https://edge.example", stun=("stun:a.example", "stun:b.example:3478"),
        turn_url="turn:r.example:3478?transport=tcp", turn_secret_file=Path.home() / "turn.secret", turn_user="anna",
        turn_password_file=Path("/run/secrets/turn"), metered_app="my-app",
        metered_key_file=Path("/run/secrets/metered"), relay_ask_mb=0, plain_downloads=False,
        quiet_hours=Hours(22 * 60, 7 * 60 + 30),
    )  # fmt: skip


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().__setattr__("port", 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "65536"), ("port", "-1"), ("port", "7_774"), ("port", "٧٧٧٤"), ("port", ""), ("port", "1e3"),
        ("port", True),
        ("host", "study-pc"), ("host", "256.1.1.1"), ("host", 5),
        ("inbox", ""), ("inbox", "a\0b"), ("inbox", 7),
        ("name", ""), ("name", "x" * (NAME_CHARACTERS_MAX + 1)), ("name", "a\x1bb"), ("name", "a\u202eb"),
        ("mdns", "maybe"), ("mdns", 2), ("wall", "everyone"), ("wall", False),
        ("accept", "nobody"), ("accept", True),
        ("file_mode", "755"), ("file_mode", "444"), ("file_mode", 0o644), ("file_mode", "rw"),
        ("guest_daily_gb", "-1"), ("guest_daily_gb", "1.5"), ("guest_daily_gb", 1.5), ("reserve_mb", "9" * 40),
        ("public_host", "http://a.example"), ("public_host", "-a.example"), ("public_host", "a b"),
        ("log_level", "loud"),
        ("edge", "share.example.org"), ("edge", "ftp://a.example"), ("edge", "https://"), ("edge", "https://a b"),
        ("edge", "https://user:secret@a.example"), ("edge", "https://a.example/deep"), ("edge", "https://a.example?x=1"),
        ("edge", "https://a.example:99999"), ("edge", 5), ("edge", "https://a.example#1"), ("edge", "https://-a.example"),
        ("stun", ""), ("stun", "a.example"), ("stun", "turn:a.example"), ("stun", ",".join(["stun:a"] * 3) + ",b"),
        ("stun", ",".join(f"stun:a{n}" for n in range(SERVERS_MAX + 1))), ("stun", 3),
        ("turn_url", "turn:user:secret@a.example"), ("turn_url", "turn:a.example?transport=smoke"),
        ("turn_url", "https://a.example"), ("turn_user", "two words"), ("turn_user", "x" * (WORD_CHARACTERS_MAX + 1)),
        ("turn_secret_file", "a\0b"), ("turn_secret_file", 7), ("metered_app", "a\x1bb"),
        ("relay_ask_mb", "-1"), ("relay_ask_mb", "many"),
    ],
)  # fmt: skip
def test_a_bad_value_is_a_sentence_that_names_its_flag(data_dir: Path, name: str, value: object) -> None:
    with pytest.raises(BadSetting) as caught:
        load_settings(flags={"data_dir": data_dir, name: value}, environment={})
    flag = name.replace("_", "-")
    assert caught.value.sentence.startswith((f"--{flag}: ", f"--no-{flag}: "))
    assert "it must be " in caught.value.sentence


def test_a_bad_value_names_its_variable_or_its_line(data_dir: Path) -> None:
    with pytest.raises(BadSetting, match=r'^QRSHARED_PORT: the setting "port" cannot be "no"'):
        load_settings(flags={"data_dir": data_dir}, environment={"QRSHARED_PORT": "no"})
    write_config(data_dir, '# my own\n\n  "port" = "no"\n')
    with pytest.raises(BadSetting, match=r'config\.toml, line 3: the setting "port" cannot be "no"'):
        load_settings(flags={"data_dir": data_dir}, environment={})


@pytest.mark.parametrize(
    ("typed", "edge"),
    [
        ("https://share.example.org", "https://share.example.org"), ("wss://share.example.org/", "https://share.example.org"),
        ("WSS://Share.Example.org:443/signal", "https://share.example.org"), ("ws://10.0.0.5:7780", "http://10.0.0.5:7780"),
        ("http://10.0.0.5:7780/", "http://10.0.0.5:7780"), ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://localhost", "https://localhost"), ("  ", None),
    ],
)  # fmt: skip
def test_an_edge_is_kept_as_pages_open_it(data_dir: Path, typed: str, edge: str | None) -> None:
    assert load_settings(flags={"data_dir": data_dir, "edge": typed}, environment={}).settings.edge == edge


def test_the_name_other_programs_use_for_an_edge_is_read_and_ours_is_stronger(data_dir: Path) -> None:
    environment = {"QRSHARED_DATA_DIR": str(data_dir), "SIGNALING_SERVER_URL": "wss://theirs.example"}
    loaded = load_settings(flags={}, environment=environment)
    assert (loaded.settings.edge, loaded.sources["edge"]) == ("https://theirs.example", "SIGNALING_SERVER_URL")
    both = load_settings(flags={}, environment=environment | {"QRSHARED_EDGE": "https://ours.example"})
    assert both.settings.edge == "https://ours.example"


def test_nobody_is_asked_for_the_public_address_if_the_owner_says_so(data_dir: Path) -> None:
    assert load_settings(flags={"data_dir": data_dir, "stun": "None"}, environment={}).settings.stun == ()
    assert load_settings(flags={"data_dir": data_dir}, environment={}).settings.stun == (
        "stun:stun.l.google.com:19302",
    )


def test_a_secret_is_never_a_setting_only_its_file_is(data_dir: Path) -> None:
    """Others on the computer can read a command line, and `qrshared config` shows every value."""
    secret = data_dir / "turn.secret"
    loaded = load_settings(flags={"data_dir": data_dir, "turn_secret_file": str(secret)}, environment={})
    assert loaded.settings.turn_secret_file == secret  # it need not exist yet: whoever uses it says what is wrong
    words = {word for each in all_settings() for word in each.name.split("_")}
    assert {"secret", "password", "key"} <= words
    for each in all_settings():
        if {"secret", "password", "key"} & set(each.name.split("_")):
            assert each.name.endswith("_file"), each.name


def test_a_relative_file_in_the_config_is_refused(data_dir: Path) -> None:
    write_config(data_dir, 'metered_key_file = "key"\n')
    with pytest.raises(BadSetting, match="a full path"):
        load_settings(flags={"data_dir": data_dir}, environment={})


def test_an_unknown_setting_is_refused_with_the_nearest_name(data_dir: Path) -> None:
    write_config(data_dir, "prot = 1\n")
    with pytest.raises(UnknownSetting, match=r'line 1: .*"prot"\. Did you mean "port"\?'):
        load_settings(flags={"data_dir": data_dir}, environment={})
    write_config(data_dir, 'data_dir = "/elsewhere"\n')
    with pytest.raises(UnknownSetting):
        load_settings(flags={"data_dir": data_dir}, environment={})


def test_an_unknown_variable_is_a_warning_because_others_may_use_the_prefix(data_dir: Path) -> None:
    loaded = load_settings(flags={"data_dir": data_dir}, environment={"QRSHARED_PROT": "1"})
    assert loaded.warnings == ("QRSHARED_PROT is set, but there is no such setting.",)


def test_a_relative_folder_in_the_file_is_refused(data_dir: Path) -> None:
    write_config(data_dir, 'inbox = "files"\n')
    with pytest.raises(BadSetting, match="a full path"):
        load_settings(flags={"data_dir": data_dir}, environment={})


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2", "\x00", "[port\n"])
def test_a_broken_file_is_a_sentence(data_dir: Path, text: str) -> None:
    write_config(data_dir, text)
    with pytest.raises(BrokenConfig, match=r"config\.toml cannot be read: .* Put it right"):
        load_settings(flags={"data_dir": data_dir}, environment={})


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_others_may_write_is_not_read(data_dir: Path, mode: int) -> None:
    write_config(data_dir, "port = 1\n", mode)
    with pytest.raises(UnsafeConfig, match=r"chmod 600"):
        load_settings(flags={"data_dir": data_dir}, environment={})
    write_config(data_dir, "port = 1\n", 0o644)  # the control: others may read it
    assert load_settings(flags={"data_dir": data_dir}, environment={}).settings.port == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file to somebody else"
)
def test_a_file_or_folder_of_somebody_else_is_refused(data_dir: Path) -> None:
    write_config(data_dir, "port = 1\n")
    os.chown(data_dir / "config.toml", 12345, -1)
    with pytest.raises(UnsafeConfig, match="belongs to another user"):
        load_settings(flags={"data_dir": data_dir}, environment={})
    os.chown(data_dir, 12345, -1)
    with pytest.raises(UnsafeDataFolder, match="belongs to another user"):
        make_data_dir(data_dir)


def test_the_data_folder_becomes_ours_alone(tmp_path: Path) -> None:
    make_data_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o775)
    make_data_dir(loose)
    assert stat.S_IMODE(loose.stat().st_mode) == 0o700


def test_a_data_folder_anyone_could_have_filled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    tmp_path.chmod(0o777)
    with pytest.raises(UnsafeDataFolder, match="every user"):
        make_data_dir(tmp_path)
    with pytest.raises(UnsafeDataFolder, match="cannot be used"):
        make_data_dir(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("host_name", "name"),
    [
        ("STUDY-PC", "STUDY-PC"), ("study-pc", "Study PC"), ("Annas-MacBook-Pro.local", "Annas MacBook Pro"),
        ("raspberrypi", "Raspberry Pi"), ("localhost", "This computer"), ("", "This computer"), ("my_nas", "My NAS"),
        ("x" * 63, "X" + "x" * (NAME_CHARACTERS_MAX - 1)), ("a\x1b[31m", "This computer"),
    ],
)  # fmt: skip
def test_the_computer_has_a_name_people_recognise(host_name: str, name: str) -> None:
    assert computer_name(host_name) == name


def test_the_pretty_name_wins(tmp_path: Path) -> None:
    info = tmp_path / "machine-info"
    info.write_text('ICON_NAME=computer\nPRETTY_HOSTNAME="Büro von Anna"\n')
    assert computer_name(machine_info=info) == "Büro von Anna"


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("22:00-07:00", (22 * 60, 0, 6 * 60 + 59), (7 * 60, 21 * 60 + 59)),
        ("9:00 – 17:30", (9 * 60, 17 * 60 + 29), (8 * 60 + 59, 17 * 60 + 30)),
    ],
)
def test_quiet_hours_begin_and_end_to_the_minute_also_past_midnight(
    hours: str, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    read = read_hours(hours)
    assert read is not None
    assert [read.holds(minute) for minute in (*inside, *outside)] == [True] * len(inside) + [False] * len(outside)
    assert read_hours(str(read)) == read


@pytest.mark.parametrize(
    "value", ["22:00", "25:00-07:00", "22:00-22:00", "22-7", "22:00-07:00x", "٢٢:00-07:00", 22, True]
)
def test_quiet_hours_are_two_times_of_the_day(value: object) -> None:
    with pytest.raises(Expected):
        read_hours(value)
