"""`qrshared config` takes settings back, mends a bad config.toml, and says what lacks while somebody types."""

import os
import stat
from pathlib import Path

import pytest

from qrshared.cli.main import main
from qrshared.settings import Settings, all_settings, load_settings

Said = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where config.toml would be, and no other place that says anything."""
    others = {"PORT", "SIGNALING_SERVER_URL"}
    for name in [name for name in os.environ if name.startswith("QRSHARED_") or name in others]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("QRSHARED_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data" / "config.toml"


def write(config: Path, text: str | bytes) -> None:
    config.write_bytes(text if isinstance(text, bytes) else text.encode())
    config.chmod(0o600)


def settings_of(config: Path) -> Settings:
    return load_settings(flags={"data_dir": str(config.parent)}, environment={}).settings


ALL = {
    "host": "127.0.0.1", "port": "80", "inbox": "/in", "name": "Kitchen", "mdns": "no", "wall": "off", "accept": "ask",
    "file_mode": "600", "guest_daily_gb": "1", "reserve_mb": "2", "notices": "no", "quiet_hours": "22:00-7:00",
    "plain_downloads": "no", "public_host": "a.example", "edge": "https://e.example", "stun": "none",
    "turn_url": "turn:r.example", "turn_secret_file": "/s", "turn_user": "me", "turn_password_file": "/p",
    "metered_app": "app", "metered_key_file": "/k", "relay_ask_mb": "1", "log_level": "debug",
}  # fmt: skip


@pytest.mark.parametrize("back", [["set", "{}", ""], ["unset", "{}"], ["set", "{}", " "]])
def test_every_setting_can_be_taken_back(config: Path, back: list[str], capsys: Said) -> None:
    assert {*ALL, "data_dir"} == {each.name for each in all_settings()}
    write(config, "# mine\n")
    for name, value in ALL.items():
        assert main(["config", "set", name, value]) == 0
        assert f"{name} = " in config.read_text()
        assert main(["config", *(word.format(name) for word in back)]) == 0
        assert config.read_text() == "# mine\n"
        assert "Until this is put right" not in capsys.readouterr().err
    assert main(["config", "unset", "port"]) == 0
    assert "nothing to take back" in capsys.readouterr().out


def test_the_config_shows_each_value_and_where_it_came_from(
    config: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QRSHARED_PORT", "8000")
    assert main(["config", "set", "file-mode", "600"]) == 0
    assert main(["config", "set", "mdns", "no"]) == 0
    assert main(["config", "set", "inbox", '~/In "x"']) == 0
    assert main(["config", "set", "port", "9000"]) == 0
    assert "QRSHARED_PORT is set as well, and is stronger" in capsys.readouterr().err
    assert main(["config"]) == 0
    rows = dict(line.split("\t", 1) for line in capsys.readouterr().out.splitlines())
    assert rows["file_mode"].startswith(f"600\t{config.parent}")
    assert rows["mdns"].startswith("false\t")
    assert rows["inbox"].startswith(f'{config.parent.parent}/In "x"\t')
    assert rows["port"] == "8000\tQRSHARED_PORT"
    assert rows["wall"] == "lan\tdefault"
    assert main(["config", "path"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert main(["config", "set", "data_dir", "/x"]) == 1
    assert main(["config", "set", "colour", "red"]) == 2
    assert "no setting called" in capsys.readouterr().err


def test_none_is_a_word_for_none(config: Path) -> None:
    for name in ("edge", "turn_url", "turn_secret_file", "metered_app", "public_host", "quiet_hours"):
        assert main(["config", "set", name, "none"]) == 0
        assert getattr(settings_of(config), name) is None
    write(config, 'metered_key_file = ""\nport = ""\nedge = "None"\n')  # as an older version wrote it
    found = settings_of(config)
    assert (found.metered_key_file, found.port, found.edge) == (None, 7774, None)


BAD: dict[str, str | bytes] = {
    "a bad value": "port = 1\nwall = 7\n",
    "a relative file": 'port = 1\nmetered_key_file = "key"\n',
    "a setting there is not": "port = 1\ncolour = 3\n",
    "an open quote": 'port = 1\nname = "Kit\n',
    "twice": "port = 1\nport = 2\nport = 3\n",
    "no text": b"port = 1\nname = '\xff'\n",
    "a home of nobody": 'port = 1\ninbox = "~no-such-user/in"\n',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_file_with_a_bad_line_can_be_seen_and_mended(config: Path, text: str | bytes, capsys: Said) -> None:
    write(config, text)
    assert main(["run"]) == 1
    fault = capsys.readouterr().err.strip()
    assert fault.startswith(str(config))
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{config}\n"
    assert main(["config"]) == 0
    said = capsys.readouterr()
    assert "wall\t" in said.out
    assert "Until this is put right, qrshared does not start: " in said.err
    assert main(["config", "set", "mdns", "no"]) == 0
    assert "Until this is put right" in capsys.readouterr().err
    assert "mdns = false" in config.read_text(errors="replace")
    for name in ("wall", "metered_key_file", "colour", "name", "port", "inbox"):
        assert main(["config", "unset", name]) in (0, 2)  # 2: no such setting, nor such a line
    assert config.read_text() == "mdns = false\n"
    assert settings_of(config).mdns is False


def test_a_line_set_anew_is_mended(config: Path, capsys: Said) -> None:
    for text in (BAD["twice"], 'port = "many"\n', "port = \n"):
        write(config, text)
        assert main(["config", "set", "port", "99"]) == 0
        assert config.read_text() == "port = 99\n"
        assert "Until" not in capsys.readouterr().err


def test_other_words_of_the_file_stay_as_they_are(config: Path) -> None:
    write(config, "# one\r\nport = 1 # mine\r\nname = 'x'\r\n")
    assert main(["config", "unset", "port"]) == 0
    assert config.read_bytes() == b"# one\r\nname = 'x'\r\n"
    write(config, 'name = """\na\n"""\n')
    assert main(["config", "unset", "name"]) == 1, "a value over several lines is left alone"
    assert config.read_text() == 'name = """\na\n"""\n'


@pytest.mark.skipif(os.name == "nt", reason="rights are otherwise there")
def test_what_others_may_have_written_is_not_made_ours(config: Path, capsys: Said) -> None:
    write(config, "port = 1\n")
    config.chmod(0o666)
    for words in (["set", "port", "2"], ["unset", "port"]):
        assert main(["config", *words]) == 1
        assert "chmod 600" in capsys.readouterr().err
    assert config.read_text() == "port = 1\n"


def test_a_bad_value_changes_nothing(config: Path, capsys: Said) -> None:
    write(config, "port = 1\n")
    assert main(["config", "set", "port", "many"]) == 2
    assert 'The setting "port" cannot be "many"' in capsys.readouterr().err
    assert config.read_text() == "port = 1\n"


def test_what_lacks_is_said_at_once(config: Path, capsys: Said, tmp_path: Path) -> None:
    assert main(["config", "set", "turn_url", "turn:r.example"]) == 0
    assert "also needs --turn-secret-file" in capsys.readouterr().err
    assert main(["config", "set", "turn_secret_file", str(tmp_path / "secret")]) == 0
    assert f"no file {tmp_path / 'secret'} yet" in capsys.readouterr().err
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "secret").chmod(0o600)
    assert main(["config", "set", "turn_secret_file", str(tmp_path / "secret")]) == 0
    assert capsys.readouterr().err == ""
    assert main(["config", "set", "metered_app", "mine"]) == 0
    said = capsys.readouterr().err
    assert f"--turn-url (from {config}, line " in said
    assert f"--metered-app (from {config}, line 1)" in said
    assert main(["config", "set", "inbox", "/no/such/place"]) == 0
    assert "no folder /no/such" in capsys.readouterr().err


def test_what_an_edge_was_told_of_relays_in_two_ways_is_named(
    config: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QRSHARED_METERED_APP", "mine")
    assert main(["signal", "--turn-url", "turn:r.example"]) == 1
    assert "more than one way: --turn-url and --metered-app (from QRSHARED_METERED_APP)." in capsys.readouterr().err
