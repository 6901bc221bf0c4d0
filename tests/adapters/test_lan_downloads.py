"""Plain downloads: the right token from the right address in time gets the file; everybody else the same nothing."""

import asyncio
import os
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.lan import DOWNLOAD_LIFE_S, Downloads, LanServer, admission_for, build_app
from qrshared.lan.downloads import (
    DOWNLOADS_AT_ONCE_MAX,
    DOWNLOADS_PER_DEVICE_MAX,
    READ_BYTES,
    TOKENS_MAX,
    TOKENS_PER_DEVICE_MAX,
    attachment,
)
from qrshared.serving import BuiltPage, Gate
from qrshared.shelf import Source, ZipOf, look_at
from tests.adapters.lan_world import echo
from tests.waiting import until

ITEM = "1" * 32


@dataclass
class World:
    """A door with plain downloads, a clock to turn and an address to be."""

    downloads: Downloads
    client: aiohttp.ClientSession
    folder: Path
    port: int
    now: float = 0.0
    is_on: bool = True
    done: list[str] = field(default_factory=list)
    moved: list[tuple[bool, int]] = field(default_factory=list)

    def file(self, content: bytes, name: str = "film.mp4") -> Source:
        (self.folder / name).write_bytes(content)
        return Source.of(self.folder / name)

    def token(self, content: bytes, name: str = "film.mp4", item: str = ITEM, device: str = "a") -> str:
        source = self.file(content, name)
        bound = Source(self.folder / name, name, source._identity)
        return self.downloads.issue(
            device, item, lambda: bound, on_done=lambda: self.done.append(name),
            on_moved=lambda moves, count: self.moved.append((moves, count)),
        )  # fmt: skip

    async def get(self, path: str, *, address: str = "127.0.0.1", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            client.get(f"http://127.0.0.1:{self.port}{path}", headers=named) as answer,
        ):
            return answer.status, await answer.read(), dict(answer.headers)


@asynccontextmanager
async def door(folder: Path) -> AsyncIterator[World]:
    """Until the block ends."""
    gate = Gate()
    worlds: list[World] = []
    downloads = Downloads(clock=lambda: worlds[0].now, is_on=lambda: worlds[0].is_on)
    app = build_app(
        page=BuiltPage({}), sessions=lambda: 0, on_link=echo, gate=gate, downloads=downloads,
        admission=lambda: admission_for([], port=worlds[0].port, host="127.0.0.1"),
    )  # fmt: skip
    async with LanServer(app, gate) as server, aiohttp.ClientSession() as client:
        worlds.append(World(downloads, client, folder, await server.listen(host="127.0.0.1", port=0)))
        yield worlds[0]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with door(tmp_path) as made:
        yield made


async def test_a_whole_file_comes_as_a_download_that_no_browser_runs_or_keeps(world: World) -> None:
    content = os.urandom(READ_BYTES * 3 + 7)
    path = world.token(content, "Film 名前.mp4")
    assert re.fullmatch(r"/get/[A-Za-z0-9_-]{22}", path)
    status, body, headers = await world.get(path)
    assert (status, body) == (200, content)
    assert headers["Content-Disposition"].startswith("attachment; filename=\"Film __.mp4\"; filename*=UTF-8''Film%20")
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Accept-Ranges"] == "bytes"
    await until(lambda: world.done == ["Film 名前.mp4"])  # its reader has it all a moment before we know that


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-", 206, 0, 1000), ("bytes=0-0", 206, 0, 1), ("bytes=10-19", 206, 10, 20),
        ("bytes=990-5000", 206, 990, 1000), ("bytes=-10", 206, 990, 1000), ("bytes=-5000", 206, 0, 1000),
        ("bytes=1000-", 416, 0, 0), ("bytes=-0", 416, 0, 0), ("bytes=20-10", 200, 0, 1000), ("bytes=-", 200, 0, 1000),
        ("bytes=0-1,5-6", 200, 0, 1000), ("lines=1-2", 200, 0, 1000), ("bytes=a-b", 200, 0, 1000),
    ],
)  # fmt: skip
async def test_ranges(world: World, asked: str, status: int, start: int, end: int) -> None:
    content = os.urandom(1000)
    got, body, headers = await world.get(world.token(content), Range=asked)
    assert got == status
    assert status == 416 or body == content[start:end]
    expected = {206: f"bytes {start}-{end - 1}/1000", 416: "bytes */1000", 200: None}[status]
    assert headers.get("Content-Range") == expected


async def test_a_download_goes_on_only_with_the_file_whose_beginning_is_there(world: World) -> None:
    content = os.urandom(1000)
    path = world.token(content)
    _, _, headers = await world.get(path, Range="bytes=0-499")
    for tag in (headers["Etag"], headers["Last-Modified"]):
        status, body, _ = await world.get(path, Range="bytes=500-", If_Range=tag)
        assert (status, body) == (206, content[500:])
    status, body, _ = await world.get(path, Range="bytes=500-", If_Range='"another"')
    assert (status, body) == (200, content)


async def test_what_is_not_allowed_any_more_is_cut_while_it_runs(world: World) -> None:
    path = world.token(os.urandom(READ_BYTES * 256))
    async with world.client.get(f"http://127.0.0.1:{world.port}{path}") as answer:
        assert await answer.content.readexactly(READ_BYTES)
        world.is_on = False
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
    assert world.done == []


async def test_it_is_done_when_all_of_it_went_out_in_whatever_pieces(world: World) -> None:
    path = world.token(os.urandom(1000))
    for asked in ("500-", "0-99", "50-499", "500-"):
        assert world.done == []
        await world.get(path, Range=f"bytes={asked}")
        await until(lambda: not world.downloads._running)  # the browser has it all a moment before we know that
    assert world.done == ["film.mp4"]


async def test_what_its_person_stops_is_told_with_what_had_gone_out_and_goes_on_from_there(world: World) -> None:
    content = os.urandom(READ_BYTES * 256)
    path = world.token(content)
    async with world.client.get(f"http://127.0.0.1:{world.port}{path}") as answer:
        assert await answer.content.readexactly(READ_BYTES) == content[:READ_BYTES]
        assert world.moved == [(True, 0)]
    await until(lambda: len(world.moved) == 2)
    (_, stopped) = world.moved[1]
    assert world.moved[1] == (False, stopped)
    assert READ_BYTES <= stopped < len(content)
    status, body, _ = await world.get(path, Range=f"bytes={READ_BYTES}-")
    assert (status, body) == (206, content[READ_BYTES:])
    await until(lambda: world.done == ["film.mp4"])
    assert world.moved[2:] == [(True, stopped)], "its end is told as an end, not as another stop"
    await world.get(path, Range="bytes=0-9")
    assert len(world.moved) == 3, "and what is asked after it is no news"


@asynccontextmanager
async def _reads_nothing(world: World, path: str) -> AsyncIterator[socket.socket]:
    """A phone that has asked, and takes no more than its smallest buffer holds; gone at the end without a word."""
    with socket.socket() as phone:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        phone.setblocking(False)
        await asyncio.get_running_loop().sock_connect(phone, ("127.0.0.1", world.port))
        asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(phone, asked.encode())
        yield phone
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def test_what_only_lies_in_the_computers_buffers_has_not_gone_out(world: World) -> None:
    """A megabyte fits in them: all of it was written, and the phone that then vanished had read nothing."""
    content = os.urandom(1_000_000)
    path = world.token(content)
    async with _reads_nothing(world, path):
        (download,) = world.downloads._by_digest.values()
        await until(lambda: download.covered == len(content))
        assert world.done == []
    await until(lambda: len(world.moved) == 2)
    assert world.done == []
    (is_moving, arrived) = world.moved[1]
    assert not is_moving
    assert arrived < len(content) // 2
    status, body, _ = await world.get(path, Range=f"bytes={arrived}-")
    assert (status, body) == (206, content[arrived:])
    await until(lambda: world.done == ["film.mp4"])


async def test_a_phone_that_reads_slowly_has_it_once_it_has_read(world: World) -> None:
    content = os.urandom(1_000_000)
    async with _reads_nothing(world, world.token(content)) as phone:
        (download,) = world.downloads._by_digest.values()
        await until(lambda: download.covered == len(content))
        assert world.done == []
        got = b""
        while not got.endswith(content[-1000:]):
            got += await asyncio.get_running_loop().sock_recv(phone, 1 << 16)
        await until(lambda: world.done == ["film.mp4"])


async def test_a_beginning_that_goes_out_again_after_the_end_was_cut_off_is_not_all_of_it(world: World) -> None:
    path = world.token(b"x" * 1000)
    await world.get(path, Range="bytes=0-998")
    await world.get(path, Range="bytes=0-0")
    await until(lambda: not world.downloads._running)
    assert (world.done, world.moved[-1]) == ([], (False, 999))


async def test_everything_else_is_the_same_nothing(world: World) -> None:
    good, other, late, withdrawn, changed = (world.token(b"secret", f"{n}.txt", str(n) * 32) for n in range(5))
    assert (await world.get(good))[0] == 200
    assert (await world.get(good, address="127.0.0.2"))[0] == 404  # bound to the first address that used it
    assert (await world.get(other, address="127.0.0.2"))[0] == 200
    assert (await world.get(other))[0] == 404
    world.downloads.withdraw("3" * 32)
    (world.folder / "4.txt").write_text("changed")
    guessed = "/get/" + "A" * 22
    answers = [
        await world.get(path)
        for path in (withdrawn, changed, other, guessed, "/get/", "/get/x", "/get/a/b", good[:-1], good + "x")
    ]
    answers.append(await world.get(good, address="127.0.0.2"))
    answers.append(await world.get(good, X_Forwarded_For="1.2.3.4"))
    world.is_on = False
    answers.append(await world.get(good))
    world.is_on = True
    world.now = DOWNLOAD_LIFE_S - 0.1
    assert (await world.get(good))[0] == 200
    world.now = DOWNLOAD_LIFE_S
    answers += [await world.get(good), await world.get(late)]
    for _, _, headers in answers:
        headers.pop("Date")
    assert answers == [answers[0]] * len(answers)
    assert answers[0][0] == 404
    assert b"secret" not in answers[0][1]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_only_reading_is_answered(world: World, method: str) -> None:
    path = world.token(b"x")
    origin = f"http://127.0.0.1:{world.port}"
    async with world.client.request(method, f"{origin}{path}", headers={"Origin": origin}) as answer:
        assert answer.status == 404
    assert (await world.get(path))[0] == 200


async def test_a_file_that_changes_on_the_way_breaks_off(world: World) -> None:
    path = world.token(os.urandom(64 * 1024 * 1024))
    async with world.client.get(f"http://127.0.0.1:{world.port}{path}") as answer:
        assert answer.status == 200
        await answer.content.readexactly(1000)
        with (world.folder / "film.mp4").open("r+b") as file:
            file.write(b"other")
        with pytest.raises((aiohttp.ClientPayloadError, ConnectionError)):
            await answer.read()
    assert world.done == []


async def test_what_is_withdrawn_breaks_off_too(world: World) -> None:
    path = world.token(os.urandom(64 * 1024 * 1024))
    async with world.client.get(f"http://127.0.0.1:{world.port}{path}") as answer:
        await answer.content.readexactly(1000)
        world.downloads.withdraw(ITEM)
        with pytest.raises((aiohttp.ClientPayloadError, ConnectionError)):
            await answer.read()


async def test_a_folder_comes_as_one_zip(world: World) -> None:
    (world.folder / "trip").mkdir()
    (world.folder / "trip" / "a.jpg").write_bytes(os.urandom(500_000))
    path = world.downloads.issue(
        "a", ITEM, lambda: ZipOf("trip", look_at(world.folder / "trip", ITEM).sources()), on_done=lambda: None
    )
    status, body, headers = await world.get(path, Range="bytes=5-")
    assert (status, body[:2]) == (200, b"PK")
    assert 'filename="trip.zip"' in headers["Content-Disposition"]


async def test_tokens_and_downloads_at_once_are_bounded(world: World) -> None:
    devices = [f"device {n}" for n in range(TOKENS_MAX // TOKENS_PER_DEVICE_MAX)]
    first = {
        device: world.token(b"x" * (50_000_000 if device in devices[:3] else 1), f"long {device}", device=device)
        for device in devices
    }
    others = {
        device: [world.token(b"y", f"{device} {n}", device=device) for n in range(TOKENS_PER_DEVICE_MAX - 1)]
        for device in devices
    }
    held: list[aiohttp.ClientResponse] = []

    async def hold(device: str, count: int) -> None:
        url = f"http://127.0.0.1:{world.port}{first[device]}"
        held.extend([await world.client.get(url) for _ in range(count)])

    try:
        await hold(devices[0], DOWNLOADS_PER_DEVICE_MAX)
        status, _, headers = await world.get(others[devices[0]][0])
        assert (status, headers["Retry-After"]) == (503, "10")
        assert (await world.get(others[devices[1]][0]))[0] == 200, "it holds up nobody else"
        for device in devices[1:]:
            await hold(device, min(DOWNLOADS_PER_DEVICE_MAX, DOWNLOADS_AT_ONCE_MAX - len(held)))
        assert [answer.status for answer in held] == [200] * DOWNLOADS_AT_ONCE_MAX
        assert (await world.get(others[devices[-1]][0]))[0] == 503
        # One more of a device costs its own oldest that does not run.
        world.token(b"z", "more", device=devices[0])
    finally:
        for answer in held:
            answer.close()
    await until(lambda: world.downloads._running.total() == 0)
    assert [(await world.get(path))[0] for path in (others[devices[0]][0], others[devices[0]][1])] == [404, 200]
    assert [(await world.get(others[device][0]))[0] for device in devices[1:]] == [200] * (len(devices) - 1)


async def test_no_device_pushes_out_the_tokens_of_others(world: World) -> None:
    hers = [world.token(b"x", f"hers {n}", device="hers") for n in range(3)]
    for _ in range(TOKENS_MAX + 1):
        world.token(b"y", device="greedy")
    for n in range(TOKENS_MAX):  # a full table: who has most gives
        world.token(b"y", device=f"many {n % 20}")
    world.token(b"y", device="late")
    assert [(await world.get(path))[0] for path in hers] == [200, 200, 200]
    assert len(world.downloads._by_digest) == TOKENS_MAX


async def test_an_empty_file_is_a_file(world: World) -> None:
    status, body, _ = await world.get(world.token(b""))
    assert (status, body) == (200, b"")
    await until(lambda: world.done == ["film.mp4"])
    assert (await world.get(world.token(b""), Range="bytes=0-"))[0] == 416


@given(st.text(max_size=60))
def test_no_name_leaves_its_header(name: str) -> None:
    value = attachment(name.encode("utf-8", "replace").decode())
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9 ._()-]+\"; filename\*=UTF-8''[A-Za-z0-9%!#$&+.^_`|~-]*", value
    )


async def test_the_pages_own_policy_is_as_it_was(world: World) -> None:
    _, _, headers = await world.get("/health")
    assert "script-src 'self'" in headers["Content-Security-Policy"]
