"""The built page is served whole, cached rightly, and nothing beside it can be asked for."""

from pathlib import Path

import pytest

from qrshared.serving import BuiltPage
from tests.adapters.lan_world import built_page, running, status


async def test_the_three_pages_are_one_html_that_browsers_ask_for_again(tmp_path: Path) -> None:
    async with running(page=built_page(tmp_path)) as world:
        answers = [await world.get(path) for path in ("/", "/p", "/owner", "/p?from=qr")]
    for answer in answers:
        assert status(answer) == 200
        assert b"<title>page</title>" in answer
        assert b"Cache-Control: no-cache\r\n" in answer
        assert b"Content-Type: text/html; charset=utf-8\r\n" in answer


async def test_a_browser_that_has_the_page_gets_304(tmp_path: Path) -> None:
    async with running(page=built_page(tmp_path)) as world:
        first = await world.get("/")
        etag = next(line for line in first.split(b"\r\n") if line.startswith(b"Etag:")).partition(b": ")[2].decode()
        again = await world.get("/", f"If-None-Match: {etag}")
        other = await world.get("/", 'If-None-Match: "another"')
    assert status(again) == 304
    assert b"<title>" not in again
    assert status(other) == 200


async def test_hashed_assets_are_immutable_and_carry_the_policy_a_worker_obeys(tmp_path: Path) -> None:
    async with running(page=built_page(tmp_path)) as world:
        script = await world.get("/assets/page-1a2b.js")
    assert status(script) == 200
    assert b"Cache-Control: public, max-age=31536000, immutable\r\n" in script
    assert b"Content-Type: text/javascript; charset=utf-8\r\n" in script
    assert b"'wasm-unsafe-eval'" in script
    assert f"connect-src 'self' ws://127.0.0.1:{world.port};".encode() in script
    for header in (b"X-Content-Type-Options: nosniff", b"Referrer-Policy: no-referrer", b"frame-ancestors 'none'"):
        assert header in script
    assert b"Server:" not in script
    assert b"Set-Cookie" not in script
    assert b"Access-Control" not in script


TRAVERSALS = (
    "/assets/../build.json",
    "/assets/..%2fbuild.json",
    "/assets/%2e%2e/build.json",
    "/assets/%2e%2e%2fbuild.json",
    "/assets/..%5c..%5csecret.txt",
    "/assets/..\\..\\secret.txt",
    "/assets//etc/hostname",
    "/assets/%2fetc/hostname",
    "/assets/link.txt",
    "/assets/%00",
    "/assets/page-1a2b.js%00.png",
    "/assets/....//build.json",
    "/assets/page-1a2b.js/../../build.json",
    "/assets/%252e%252e/build.json",
    "/assets_evil/x",
    "/assets/",
    "/assets",
    "/build.json",
    "/index.html",
    "//evil.example/",
)


@pytest.mark.parametrize("target", TRAVERSALS)
async def test_no_form_of_traversal_leaves_the_table(tmp_path: Path, target: str) -> None:
    async with running(page=built_page(tmp_path)) as world:
        answer = await world.get(target)
        control = await world.get("/assets/page-1a2b.js")
    assert status(answer) in {400, 404}
    assert b"SECRET" not in answer
    assert status(control) == 200


async def test_other_methods_change_nothing(tmp_path: Path) -> None:
    async with running(page=built_page(tmp_path)) as world:
        origin = f"Origin: http://127.0.0.1:{world.port}"
        answers = {m: status(await world.get("/p", origin, method=m)) for m in ("POST", "PUT", "DELETE", "PATCH")}
        head = await world.get("/p", method="HEAD")
    assert set(answers.values()) == {405}
    assert status(head) == 200
    assert b"<title>" not in head


async def test_a_missing_build_says_how_to_make_one() -> None:
    async with running(page=BuiltPage.load(None)) as world:
        answer = await world.get("/p")
        health = await world.get("/health")
    assert status(answer) == 503
    assert b"pip install" in answer
    assert status(health) == 200


async def test_refusals_and_redirects_carry_the_headers_too_and_never_the_foreign_name(tmp_path: Path) -> None:
    async with running(page=built_page(tmp_path), host=None) as world:
        refused = await world.get("/p", host="evil.example; script-src *")
        missing = await world.get("/nothing")
    for answer in (refused, missing):
        assert b"default-src 'none'" in answer
        assert b"Cache-Control: no-store" in answer
    assert b"evil.example" not in refused
