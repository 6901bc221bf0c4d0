"""The page on an edge: the build of a home with another mark, under a policy that lets it speak to its own edge."""

import re
from pathlib import Path

import pytest
from aiohttp import ClientSession

import hatch_build
from qrshared.assets import built_page
from qrshared.serving import BuiltPage, PageAt
from tests.adapters.signaling_world import edge
from tests.daemon.test_edge_process import edge_process
from tests.house.tree import ROOT

MARK = '<meta name="qrshared" content="{}">'


def build(folder: Path, *, mark: str = MARK.format("home")) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(f"<!doctype html><head>{mark}<title>page</title>")
    (folder / "assets" / "worker-1a.js").write_text("postMessage(1)")
    (folder / "assets" / "sodium-2b.wasm").write_bytes(b"\0asm")
    return folder


async def get(url: str, session: ClientSession, **headers: str) -> tuple[int, str, dict[str, str]]:
    async with session.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


def test_the_page_itself_says_where_it_is_and_a_home_leaves_it_as_it_is(tmp_path: Path) -> None:
    source = (ROOT / "web" / "src" / "index.html").read_text(encoding="utf-8")
    assert source.count(MARK.format("home")) == 1
    folder = build(tmp_path / "web")
    home, away = BuiltPage.load(folder), BuiltPage.load(folder, at=PageAt.EDGE)
    for page, word, other in ((home, "home", "edge"), (away, "edge", "home")):
        asset = page.find("/p")
        assert asset is not None
        assert MARK.format(word) in asset.body.decode()
        assert MARK.format(other) not in asset.body.decode()
    assert home.find("/owner") is not None
    assert away.find("/owner") is None


async def test_an_edge_serves_the_page_with_its_files_and_a_browser_asks_again_cheaply(tmp_path: Path) -> None:
    page = BuiltPage.load(build(tmp_path / "web"), at=PageAt.EDGE)
    async with edge(page=page) as replica:
        for path in ("/", "/p", "/p?from=qr"):
            status, text, headers = await get(replica.url + path, replica.session)
            assert status == 200
            assert MARK.format("edge") in text
            assert headers["Cache-Control"] == "no-cache"
            again, nothing, _ = await get(replica.url + path, replica.session, If_None_Match=headers["Etag"])
            assert (again, nothing) == (304, "")
        status, _, headers = await get(f"{replica.url}/assets/sodium-2b.wasm", replica.session)
        assert status == 200
        assert headers["Content-Type"] == "application/wasm"
        assert "immutable" in headers["Cache-Control"]
        assert (await get(f"{replica.url}/owner", replica.session))[0] == 404


async def test_page_and_worker_may_speak_to_their_own_edge_with_and_without_https(tmp_path: Path) -> None:
    page = BuiltPage.load(build(tmp_path / "web"), at=PageAt.EDGE)
    async with edge(page=page) as replica:
        for path in ("/", "/assets/worker-1a.js"):
            _, _, headers = await get(replica.url + path, replica.session)
            policy = headers["Content-Security-Policy"]
            host = f"127.0.0.1:{replica.port}"
            assert f"connect-src 'self' ws://{host} wss://{host};" in policy
            assert "script-src 'self' 'wasm-unsafe-eval'" in policy
            assert "worker-src 'self'" in policy
            assert "default-src 'none'" in policy
        _, _, plain = await get(replica.url + "/", replica.session, Host="edge.example")
        assert "Cross-Origin-Opener-Policy" not in plain
        _, _, secure = await get(replica.url + "/", replica.session, Host="edge.example", X_Forwarded_Proto="https")
        assert secure["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "wss://edge.example" in secure["Content-Security-Policy"]


async def test_its_own_origin_may_be_named_and_no_other(tmp_path: Path) -> None:
    async with edge(page=BuiltPage.load(build(tmp_path / "web"), at=PageAt.EDGE)) as replica:
        path = f"{replica.url}/assets/worker-1a.js"
        for origin, expected in (
            ("https://edge.example", 200), ("http://edge.example", 200), ("https://evil.example", 403), ("null", 403),
        ):  # fmt: skip
            assert (await get(path, replica.session, Host="edge.example", Origin=origin))[0] == expected


@pytest.mark.parametrize("mark", ["", MARK.format("other")])
async def test_a_page_that_was_never_built_or_is_of_another_version_is_a_sentence(mark: str, tmp_path: Path) -> None:
    folder = build(tmp_path / "web", mark=mark) if mark else None
    async with edge(page=BuiltPage.load(folder, at=PageAt.EDGE)) as replica:
        status, text, _ = await get(replica.url + "/", replica.session)
        assert status == 503
        assert "no page yet" in text


async def test_the_program_itself_serves_what_was_built(tmp_path: Path) -> None:
    async with edge_process(tmp_path, PORT="0") as running, ClientSession() as session:
        status, text, _ = await get(f"{running.url}/p", session)
        if built_page() is None or not hatch_build.is_built(ROOT / "web"):
            assert status in (200, 503)  # a checkout between two builds
            return
        assert status == 200
        assert MARK.format("edge") in text
        for name in re.findall(r'(?:src|href)="\.?/?(assets/[^"]+)"', text):
            assert (await get(f"{running.url}/{name}", session))[0] == 200
