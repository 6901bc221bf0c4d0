"""Settings of a running daemon: changed on the owner page or in the file, they count at once, or nothing changes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from qrshared.daemon.compose import OWNER_HERE, compose
from qrshared.daemon.page_paths import SECRET_FILES, why_not_chosen
from qrshared.daemon.parts import Daemon
from qrshared.daemon.settings_live import LiveSettings
from qrshared.protocol import (
    ChangeSetting,
    GetSettings,
    GetStatus,
    GrantFacts,
    Reason,
    Rename,
    SettingFacts,
    SettingsFacts,
    StatusFacts,
    TrustDevice,
)
from qrshared.sessions import Asker, DeskRefusal
from qrshared.settings import READ_AT_START, Accept, Loaded, Settings, computer_name, load_settings
from qrshared.tickets import Grant, Road
from tests.client import Batch, Visit, file_of, scan
from tests.waiting import until

OWNER = Asker(OWNER_HERE)
AT_HOME = Asker(Grant(Road.HOME))


class House:
    """A daemon whose settings are read as `qrshared run` reads them."""

    def __init__(self, daemon: Daemon, config: Path) -> None:
        self.daemon = daemon
        self.config = config

    async def change(self, name: str, value: str | None) -> Mapping[str, SettingFacts]:
        return _by_name(await self.daemon.desk.ask(ChangeSetting(name, value), OWNER))

    async def refused(self, name: str, value: str) -> str:
        before = self.config.read_text()
        with pytest.raises(DeskRefusal) as refusal:
            await self.change(name, value)
        assert self.config.read_text() == before
        assert refusal.value.reason in (Reason.BAD_SETTING, Reason.NOT_ALLOWED, Reason.NOT_FOUND)
        return refusal.value.sentence

    async def facts(self) -> Mapping[str, SettingFacts]:
        return _by_name(await self.daemon.desk.ask(GetSettings(), OWNER))

    async def status(self) -> StatusFacts:
        facts = await self.daemon.desk.ask(GetStatus(), OWNER)
        assert isinstance(facts, StatusFacts)
        return facts

    async def send(self, name: str) -> None:
        url = self.daemon.where.code_url(self.daemon.book.wall_ticket().fragment)
        async with scan(url).visit() as visit:
            batch = await visit.send(Batch([file_of(name, b"x" * 1000)]))
            assert batch.sender.is_over, batch
            assert len(batch.receipts) == 1


def _by_name(facts: object) -> Mapping[str, SettingFacts]:
    assert isinstance(facts, SettingsFacts)
    return {one.name: one for one in facts.settings}


@asynccontextmanager
async def house_in(folder: Path, text: str, **flags: object) -> AsyncIterator[House]:
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    config = data_dir / "config.toml"
    config.write_text(text)
    given = {"data_dir": str(data_dir), "host": "127.0.0.1", "port": 0, "mdns": False, "notices": False} | flags

    def read() -> Loaded:
        return load_settings(flags=given, environment={})

    async with compose(read().settings, reload=read) as daemon:
        yield House(daemon, config)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = f'# my own words\nname = "Old"   # a remark\ninbox = "{tmp_path}/in"\n'
    async with house_in(tmp_path, text) as made:
        yield made


async def test_a_change_counts_at_once_and_is_written_among_the_owners_own_words(house: House) -> None:
    shown = await house.change("name", "Küche")
    assert (shown["name"].value, house.daemon.views.wall(AT_HOME).computer) == ("Küche", "Küche")
    assert house.config.read_text().startswith('# my own words\nname = "Küche"\n')
    assert load_settings(flags={"data_dir": str(house.config.parent)}, environment={}).settings.name == "Küche"


@pytest.mark.parametrize(("name", "value"), [("accept", "trusted"), ("guest_daily_gb", "0")])
async def test_where_guests_send_nothing_the_wall_and_their_pages_say_so_before_they_choose(
    house: House, name: str, value: str
) -> None:
    daemon = house.daemon
    phone = scan(daemon.where.code_url(daemon.book.wall_ticket().fragment))

    def told(visit: Visit) -> GrantFacts:
        assert visit.hello is not None
        assert visit.hello.grant is not None
        return visit.hello.grant

    async with phone.visit() as visit:
        assert not told(visit).only_own
        assert not daemon.views.wall(AT_HOME).only_own
        device = told(visit).device
        assert device is not None
        await house.change(name, value)
        await until(lambda: not daemon.live.is_online(device))  # its page comes back at once
    assert daemon.views.wall(AT_HOME).only_own
    async with phone.visit() as visit:
        assert told(visit).only_own
        unwanted = Batch([file_of("a.txt", b"one")])
        await visit.send(unwanted)
        assert unwanted.refusal is Reason.NOT_ALLOWED
    await daemon.desk.ask(TrustDevice(device), OWNER)
    async with phone.visit() as visit:
        assert not told(visit).only_own
        await visit.send(Batch([file_of("a.txt", b"one")]))
    assert (daemon.inbox.folder / "a.txt").read_bytes() == b"one"


async def test_a_page_that_is_open_hears_the_new_name_once_and_no_other_change(house: House) -> None:
    url = house.daemon.where.code_url(house.daemon.book.wall_ticket().fragment)
    async with scan(url).visit() as visit, asyncio.timeout(60):
        assert visit.hello is not None
        assert visit.hello.name == "Old"
        await house.change("plain_downloads", "false")
        await house.change("name", "Küche")
        assert await visit.hear_a(Rename) == Rename("Küche")
        await house.change("quiet_hours", "22:00-07:00")
        await house.change("name", "Attic")
        assert await visit.hear_a(Rename) == Rename("Attic")


async def test_a_wall_that_is_switched_off_shows_no_code_any_more_and_shows_it_again(house: House) -> None:
    seen = []
    for wall in ("lan", "computer", "off", "lan"):
        await house.change("wall", wall)
        seen.append(house.daemon.views.wall(AT_HOME).url is not None)
    assert seen == [True, False, False, True]


async def test_what_needs_a_start_is_exactly_what_the_command_says(house: House) -> None:
    waits = {name for name, one in (await house.facts()).items() if one.needs_restart}
    wrong = waits ^ (READ_AT_START - {"data_dir"})
    assert not wrong, (
        f"{sorted(wrong)}: a setting is either read at the start (READ_AT_START in settings/table.py), or somebody "
        "hears of its change (daemon/changing.py)"
    )


async def test_the_owner_page_cannot_let_files_land_where_a_system_or_a_program_takes_orders(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = tmp_path / "elsewhere" / "media"
    monkeypatch.setattr("qrshared.daemon.page_paths.MEDIA", (media,))
    monkeypatch.setenv("HOME", str(tmp_path / "anna"))
    home = tmp_path / "anna"
    places = [".ssh", ".config/autostart", "Pictures/.hidden", "Pictures"]
    for place in [*(home / one for one in places), media / "disk" / ".Trash-1000", tmp_path / "data" / "inside"]:
        place.mkdir(parents=True, exist_ok=True)
    (home / "link").symlink_to(home / ".ssh")
    (home / "back").symlink_to(tmp_path / "elsewhere")
    wrong = [*(home / one for one in places[:-1]), home, media, media / "disk" / ".Trash-1000" / "x", Path("/etc")]
    wrong += [home / "link", home / "link" / "new", home / "back" / "new", home / "Pictures" / ".." / ".ssh", tmp_path]
    wrong += [tmp_path / "data", tmp_path / "data" / "inside", home / ".new", Path("/mnt")]
    for folder in wrong:
        said = await house.refused("inbox", str(folder))
        assert "inside your home folder" in said, folder
        assert str(house.config) in said
    assert not (home / ".ssh" / "Outbox").exists()
    for right in (tmp_path / "in", home / "Pictures", home / "New", media / "disk"):  # what the file says stays right
        assert (await house.change("inbox", str(right)))["inbox"].value == str(right)
    assert (await house.change("inbox", None))["inbox"].value == str(home / "QRShare")


@pytest.mark.parametrize("name", SECRET_FILES)
async def test_the_owner_page_cannot_have_keys_of_other_programs_sent_to_a_relay(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = tmp_path / "anna"
    monkeypatch.setenv("HOME", str(home))
    secrets = [home / ".ssh" / "token", home / ".netrc", tmp_path / "data" / "inside", tmp_path / "secret"]
    for secret in [*secrets, home / "relay" / "secret"]:
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("secret:1\n")
        secret.chmod(0o600)
    (home / "link").symlink_to(home / ".netrc")
    for wrong in [*secrets, home / "link", home / "relay" / ".." / ".netrc"]:
        assert "inside your home folder" in await house.refused(name, str(wrong)), wrong
    assert (await house.change(name, str(home / "relay" / "secret")))[name].value == str(home / "relay" / "secret")
    assert (await house.change(name, None))[name].value != str(home / "relay" / "secret")


@pytest.mark.parametrize(
    ("platform", "kept"), [("linux", ()), ("darwin", ("Library/LaunchAgents",)), ("win32", ("AppData/Roaming/x",))]
)
def test_a_word_that_another_system_keeps_for_programs_is_a_folder_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, kept: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("qrshared.daemon.page_paths.sys.platform", platform)
    now = Settings(inbox=tmp_path / "QRShare", data_dir=tmp_path / "data")
    places = ("Library/LaunchAgents", "AppData/Roaming/x", "Documents/Library", "Music/AppData/x", "library-card")
    refused = [one for one in places if why_not_chosen(now, replace(now, inbox=tmp_path / one)) is not None]
    assert refused == [*kept]


def test_a_share_of_a_nas_may_be_the_inbox_and_what_a_server_gives_out_may_not(tmp_path: Path) -> None:
    now = Settings(inbox=tmp_path / "QRShare", data_dir=tmp_path / "data")
    for right in ("/srv/dev-disk-by-uuid-1/photos", "/srv/family", "/srv/family/www"):
        assert why_not_chosen(now, replace(now, inbox=Path(right))) is None, right
    for wrong in ("/srv", "/srv/www/html", "/srv/http", "/srv/ftp/incoming", "/srv/salt", "/srv/.hidden", "/service/x"):
        assert why_not_chosen(now, replace(now, inbox=Path(wrong))) is not None, wrong


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("wall", "everywhere", "only this screen"),
        ("accept", "nobody", "everyone"),
        ("name", "  ", "A name is needed."),
        ("edge", "ftp://x", "https://share.example.org"),
        ("quiet_hours", "late", "22:00-07:00, or empty for none."),
        ("relay_ask_mb", "-1", "whole number"),
        ("port", "80", "next starts"),
        ("data_dir", "/tmp", "no such setting"),
        ("hook", "rm", "no such setting"),
    ],
)
async def test_a_wrong_value_is_refused_with_the_sentence_of_its_reader(
    house: House, name: str, value: str, word: str
) -> None:
    assert word in await house.refused(name, value)


async def test_a_setting_goes_back_to_its_default_and_its_line_leaves_the_file(house: House) -> None:
    await house.change("accept", "ask")
    assert (await house.facts())["accept"].source.startswith(str(house.config))
    before = house.config.read_text()
    shown = await house.change("accept", None)
    assert (shown["accept"].value, shown["accept"].source) == ("everyone", "default")
    assert house.daemon.history.accept is Accept.EVERYONE
    assert house.config.read_text() == before.replace('accept = "ask"\n', "") != before
    await house.change("accept", None)  # there already
    shown = await house.change("name", None)
    assert shown["name"].value == computer_name() == house.daemon.views.wall(AT_HOME).computer


async def test_a_default_cannot_be_had_where_a_flag_says_otherwise(tmp_path: Path) -> None:
    async with house_in(tmp_path, "", name="From the flag", inbox=str(tmp_path / "in")) as house:
        with pytest.raises(DeskRefusal):
            await house.change("name", None)
        assert house.daemon.settings.name == "From the flag"


async def test_what_was_given_as_a_flag_is_stronger_and_says_so(tmp_path: Path) -> None:
    async with house_in(tmp_path, "", name="From the flag", inbox=str(tmp_path / "in")) as house:
        assert (await house.facts())["name"].is_fixed
        assert "--name" in await house.refused("name", "Other")


async def test_whose_files_come_in_and_the_day_of_guests_change_too(house: House) -> None:
    await house.change("accept", "trusted")
    assert house.daemon.history.accept is Accept.TRUSTED
    await house.change("guest_daily_gb", "0")
    with pytest.raises(AssertionError):
        await house.send("none.bin")


async def test_a_change_in_the_file_is_noticed_and_a_broken_file_changes_nothing(house: House) -> None:
    changes = house.daemon.changes
    told: list[str | None] = []
    changes.say_problem = told.append
    async with asyncio.TaskGroup() as tasks:
        follow = tasks.create_task(changes.follow())
        _replace(house.config, house.config.read_text().replace("Old", "By hand"))
        await until(lambda: house.daemon.views.wall(AT_HOME).computer == "By hand")
        _replace(house.config, 'name = "Broken')
        await until(lambda: bool(told and told[-1]))
        assert "config.toml cannot be read" in (told[-1] or "")
        assert house.daemon.settings.name == "By hand"
        _replace(house.config, 'name = "Mended"\nport = 81\n')
        await until(lambda: house.daemon.settings.name == "Mended")
        follow.cancel()


async def test_an_edge_is_opened_and_closed_as_it_is_set(house: House) -> None:
    assert (await house.status()).edge is None
    await house.change("edge", "https://share.example.invalid")
    status = await house.status()
    assert status.edge is not None
    assert status.edge.url.startswith("https://share.example.invalid")
    assert house.daemon.where.away_url("x") == "https://share.example.invalid/p#x"
    await house.change("turn_url", "turn:relay.example.invalid")  # half of a relay: told, and no reason to fail
    assert house.daemon.away is not None
    assert "turn-secret-file" in (house.daemon.away.relay_problem or "")
    await house.change("edge", "")
    assert (await house.status()).edge is None
    assert house.daemon.where.away_url("x") is None


async def test_without_a_file_to_write_nothing_can_be_changed(tmp_path: Path) -> None:
    settings = load_settings(flags={"data_dir": str(tmp_path)}, environment={}).settings
    with pytest.raises(DeskRefusal):
        await LiveSettings(settings).change("name", "x")


def _replace(path: Path, text: str) -> None:
    beside = path.with_name("new")
    beside.write_text(text)
    beside.replace(path)
