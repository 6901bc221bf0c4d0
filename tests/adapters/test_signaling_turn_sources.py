"""Where relays come from: what the flags come to, what Metered's API is asked and answers, what coturn takes."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from qrshared.links.probe import probe_turn
from qrshared.remote.checkup import try_turn
from qrshared.signaling import CoturnTurn, MeteredTurn, StaticTurn, TurnKind, TurnServer, read_turn_config, turn_source
from qrshared.signaling.limits import TURN_SERVERS_MAX, TURN_URLS_MAX, TURN_WORD_CHARACTERS_MAX
from qrshared.signaling.metered import METERED_BYTES_MAX, Trouble
from qrshared.signaling.turn import CoturnTurnSource
from qrshared.signaling.turn_config import (
    SECRET_BYTES_MAX,
    MeteredKeyKind,
    NoSecret,
    TurnIncomplete,
    TurnUnclear,
    WrongMeteredApp,
    WrongMeteredKey,
    WrongTurnUrl,
    read_secret,
)
from tests.adapters.coturn_world import coturn
from tests.adapters.turn_world import API_KEY, SECRET_KEY, metered, never

URL = "turn:relay.example.org:3478"
BOTH = f"{URL}, {URL}?transport=tcp"


def secret_file(folder: Path, text: str = "s3cret\n", mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_the_flags_come_to_one_of_three_kinds(tmp_path: Path) -> None:
    file = secret_file(tmp_path)
    urls = (URL, f"{URL}?transport=tcp")
    assert read_turn_config() is None
    assert read_turn_config(turn_url=BOTH, turn_secret_file=file) == CoturnTurn(urls, "s3cret")
    assert read_turn_config(turn_url=BOTH, turn_user="me", turn_password_file=file) == StaticTurn(urls, "me", "s3cret")
    for app in ("my-app", "my-app.metered.live", "https://my-app.metered.live/"):
        assert read_turn_config(metered_app=app, metered_key_file=file) == MeteredTurn("my-app", "s3cret")
    for config in (CoturnTurn(urls, "hid"), StaticTurn(urls, "me", "hid"), MeteredTurn("a", "hid")):
        assert "hid" not in repr(config)


def test_a_word_before_a_metered_key_says_which_it_is(tmp_path: Path) -> None:
    for word, kind in (("secret", MeteredKeyKind.SECRET), ("API", MeteredKeyKind.API)):
        file = secret_file(tmp_path, f"{word}: abc-_1\n")
        assert read_turn_config(metered_app="a", metered_key_file=file) == MeteredTurn("a", "abc-_1", kind)


@pytest.mark.parametrize(
    ("flags", "fault", "word"),
    [
        ({"turn_url": URL}, TurnIncomplete, "--turn-secret-file or --turn-user and --turn-password-file"),
        ({"turn_secret_file": "x"}, TurnIncomplete, "--turn-url"),
        ({"metered_app": "a"}, TurnIncomplete, "--metered-key-file"),
        ({"turn_url": URL, "turn_user": "me"}, TurnIncomplete, "--turn-password-file"),
        ({"turn_url": URL, "turn_secret_file": "x", "turn_user": "me"}, TurnUnclear, "more than one way"),
        ({"turn_url": URL, "metered_app": "a"}, TurnUnclear, "more than one way"),
        ({"turn_url": "stun:a:1", "turn_secret_file": "f"}, WrongTurnUrl, "stun:a:1"),
        ({"turn_url": "turn://a", "turn_secret_file": "f"}, WrongTurnUrl, "turn://a"),
        ({"turn_url": ",", "turn_secret_file": "f"}, WrongTurnUrl, ""),
        ({"turn_url": ",".join(f"turn:a:{n}" for n in range(TURN_URLS_MAX + 1)), "turn_secret_file": "f"},
         WrongTurnUrl, ""),
        ({"turn_url": "turn:" + "a" * TURN_WORD_CHARACTERS_MAX, "turn_secret_file": "f"}, WrongTurnUrl, ""),
        ({"turn_url": URL, "metered_app": "a"}, TurnUnclear, "--turn-url (from QRSHARED_TURN_URL) and --metered-app."),
        ({"metered_app": "a/b", "metered_key_file": "f"}, WrongMeteredApp, "a/b"),
        ({"turn_url": URL, "turn_secret_file": "nowhere"}, NoSecret, "no such file"),
    ],
)  # fmt: skip
def test_what_is_half_said_or_said_twice_is_a_sentence(
    flags: dict[str, Any], fault: type[Exception], word: str, tmp_path: Path
) -> None:
    file = secret_file(tmp_path)
    paths = {name: (file if value == "f" else Path(value)) for name, value in flags.items() if name.endswith("file")}
    sources = {"turn_url": "QRSHARED_TURN_URL", "metered_app": "--metered-app"}
    with pytest.raises(fault) as told:
        read_turn_config(**{**flags, **paths}, sources=sources)
    assert word in str(told.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [("secret:", "stands behind secret:"), ("foo:abc", "neither api nor secret"), ("api: two words", "one word"),
     ("https://x", "neither api nor secret"), (":abc", "one line")],
)  # fmt: skip
def test_what_is_no_key_of_metered_is_told_what_one_looks_like(text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(WrongMeteredKey, match="secret:YOUR_KEY") as told:
        read_turn_config(metered_app="a", metered_key_file=secret_file(tmp_path, text))
    assert word in told.value.sentence
    assert "abc" not in told.value.sentence


@pytest.mark.parametrize("text", ["", "\n", "two\nlines", "s" * (SECRET_BYTES_MAX + 1), "naïve", "a\0b"])
def test_a_file_without_one_line_of_text_holds_no_secret(text: str, tmp_path: Path) -> None:
    with pytest.raises(NoSecret) as told:
        read_secret(secret_file(tmp_path, text))
    assert text.strip() == "" or text[:3] not in str(told.value).split(":", 1)[1]


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o644, True)])
def test_a_secret_that_others_can_read_is_used_with_a_warning(
    mode: int, warns: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_secret(secret_file(tmp_path, mode=mode)) == "s3cret"
    assert ("chmod 600" in caplog.text) == warns
    assert "s3cret" not in caplog.text


async def test_a_fixed_account_is_given_as_it_is() -> None:
    async with ClientSession() as session:
        source = turn_source(StaticTurn((URL,), "me", "pw"), session)
        assert source.kind is TurnKind.STATIC
        assert await source.mint("label") == (TurnServer((URL,), "me", "pw"),)


async def test_a_name_for_coturn_ends_by_itself_and_is_signed() -> None:
    source = CoturnTurnSource(CoturnTurn((URL,), "north"), clock=lambda: 1_700_000_000.9)
    (server,) = await source.mint("abc", 600)
    assert server.username == "1700000600:abc"
    signed = hmac.new(b"north", b"1700000600:abc", hashlib.sha1).digest()
    assert server.credential == base64.b64encode(signed).decode()


async def test_metered_with_an_api_key_is_read_and_its_stun_left_out() -> None:
    async with metered() as (fake, session):
        source = fake.source(session)
        expected = TurnServer(("turn:relay:80", "turn:relay:80?transport=tcp", "turns:relay:443?transport=tcp"),
                              "me", "pw")  # fmt: skip
        assert await source.mint("label") == (expected,)
        assert await source.mint("label") == (expected,)
        assert fake.asked == ["read", "read"]


@pytest.mark.parametrize("kind", [MeteredKeyKind.SECRET, None])
async def test_metered_with_a_secret_key_makes_one_that_ends(kind: MeteredKeyKind | None) -> None:
    """Without a word before it, the key is tried as the other kind once, and never again."""
    async with metered() as (fake, session):
        source = fake.source(session, SECRET_KEY, kind)
        for number in range(2):
            (server,) = await source.mint(f"label-{number}", 600)
            assert server.username == "me"
        assert fake.asked == (["read"] if kind is None else []) + ["make", "read"] * 2
        assert [made["expiryInSeconds"] for made in fake.made] == [600, 600]
        assert [made["label"] for made in fake.made] == ["label-0", "label-1"]


@pytest.mark.parametrize(
    ("key", "kind", "asked"),
    [
        ("wrong", None, ["read", "make"]), ("wrong", MeteredKeyKind.API, ["read"]),
        ("wrong", MeteredKeyKind.SECRET, ["make"]), (SECRET_KEY, MeteredKeyKind.API, ["read"]),
        (API_KEY, MeteredKeyKind.SECRET, ["make"]),
    ],
)  # fmt: skip
async def test_a_key_that_is_not_taken_means_no_relay(key: str, kind: MeteredKeyKind | None, asked: list[str]) -> None:
    async with metered() as (fake, session):
        source = fake.source(session, key, kind)
        assert await source.mint("label") == ()
        assert fake.asked == asked
        assert source.trouble is Trouble.KEY
        assert "Copy the API key" in (await try_turn(source))[0].advice


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(text: str | bytes, status: int = 200, **headers: str) -> Answer:
    body = text if isinstance(text, bytes) else text.encode()

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return answer


def server(**wrong: object) -> str:
    return json.dumps([{"urls": "turn:a:1", "username": "u", "credential": "c"} | wrong])


GARBAGE = {
    "no JSON": says("<html>"),
    "no UTF-8": says(b"\xff\xfe\x00"),
    "an object": says('{"urls": "turn:a"}'),
    "an empty list": says("[]"),
    "a list of nothing": says("[null, 1, [], {}]"),
    "only STUN": says('[{"urls": "stun:a:1"}]'),
    "no credential": says('[{"urls": "turn:a:1", "username": "u"}]'),
    "an address of another kind": says(server(urls="http://a")),
    "numbers": says(server(username=1)),
    "a word too long": says(server(username="u" * (TURN_WORD_CHARACTERS_MAX + 1))),
    "deep": says("[" * 60_000),
    "too much": says(" " * METERED_BYTES_MAX + "[]"),
    "a redirect": says("", 302, Location="http://127.0.0.1:1/elsewhere"),
    "an error": says("the key was SENTINEL", 500),
    "too many requests": says("", 429),
    "encoded nonsense": says("x", 200, **{"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
async def test_a_provider_that_talks_nonsense_means_no_relay_and_a_word_without_secrets(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for key, kind in ((API_KEY, None), (SECRET_KEY, MeteredKeyKind.SECRET)):
        async with metered() as (fake, session):
            fake.answer = answer
            assert await fake.source(session, key, kind).mint("label") == ()
    assert "without a relay for now" in caplog.text
    for hidden in (API_KEY, SECRET_KEY, "SENTINEL", "apiKey", "secretKey", "/api/v1"):
        assert hidden not in caplog.text


async def test_a_slow_provider_is_given_up_within_its_second(caplog: pytest.LogCaptureFixture) -> None:
    async with metered() as (fake, session):
        fake.answer = never
        source = fake.source(session)
        began = time.monotonic()
        assert await source.mint("label") == ()
        assert 0.9 < time.monotonic() - began < 1.5
        assert source.trouble is Trouble.TIME
        assert "did not answer within 1 s" in caplog.text


async def test_a_provider_that_is_not_there_means_no_relay_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async with metered() as (fake, session):
        fake.address = "http://127.0.0.1:1"
        source = fake.source(session)
        assert await source.mint("label") == ()
        assert source.trouble is Trouble.CONNECTION
        (found,) = await try_turn(source)
        assert (found.ok, found.seen) == (False, "Metered gave no relay: no connection to it comes about")
        fake.address = "http://no-such-app.invalid"
        (found,) = await try_turn(fake.source(session))
        assert found.seen == "Metered gave no relay: its name is not found"
        assert "ClientConnectorError" in caplog.text
        assert API_KEY not in caplog.text


async def test_no_more_is_taken_from_a_provider_than_the_wire_carries() -> None:
    many = [
        {"urls": [f"turn:a:{port}" for port in range(1, TURN_URLS_MAX + 3)], "username": f"u{n}", "credential": "c"}
        for n in range(TURN_SERVERS_MAX + 3)
    ]
    async with metered() as (fake, session):
        fake.answer = says(json.dumps(many))
        servers = await fake.source(session).mint("label")
        assert len(servers) == TURN_SERVERS_MAX
        assert all(len(each.urls) == TURN_URLS_MAX for each in servers)


@pytest.mark.needs("coturn", "netns")
async def test_what_metered_hands_out_opens_a_real_relay(tmp_path: Path) -> None:
    """Its fake hands out credentials of a real coturn, as the real one does of its own."""
    async with coturn(tmp_path) as relay:

        async def credentials() -> TurnServer:
            (server,) = await CoturnTurnSource(
                CoturnTurn((relay.url, f"{relay.url}?transport=tcp"), relay.secret)
            ).mint("m")
            return server

        async def ask_and_relay() -> None:
            async with metered(credentials) as (fake, session):
                (server,) = await fake.source(session, SECRET_KEY).mint("label")
                for url in server.urls:
                    await probe_turn(url, server.username or "", server.credential or "")
                assert len(server.urls) == 2

        await relay.as_client(ask_and_relay)
