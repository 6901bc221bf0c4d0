"""Pages of other sites in the same browser: requests, forms, WebSockets, frames and rebound names get nothing."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from tests.browser.chromium import Chromium, Page
from tests.browser.foreign import serving
from tests.browser.home import PORT, Home

pytestmark = pytest.mark.needs("chromium", "netns")

PATHS = ("/", "/p", "/owner", "/health", "/link", "/assets/worker.js")
REBOUND = "rebound.example"

# What a page can try with a fetch: reading across origins, sending blindly, asking with a preflight.
FETCHES = """(async (origin, paths) => {
  const got = {};
  for (const path of paths) for (const [how, options] of Object.entries({
    read: {}, withCookies: { credentials: "include" }, post: { method: "POST", body: "x" },
    put: { method: "PUT", body: "x" },
    asJson: { method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
  })) {
    try {
      const answer = await fetch(origin + path, options);
      got[`${how} ${path}`] = `${answer.status} ${await answer.text()}`;
    } catch {}
  }
  return got })"""

SOCKET = """((url) => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(new Uint8Array([0, 1, 1]));
  socket.onmessage = ({ data }) => done(`heard ${data.byteLength} bytes`);
  socket.onerror = () => done("refused");
  setTimeout(() => done("silence"), 5000) }))"""

# A frame with a page of ours in it could be clicked through.
FRAME = """((url) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.src = url;
  frame.onload = () => setTimeout(done, 300);
  document.body.append(frame) }))"""

SCRIPT = """((url) => new Promise((done) => {
  const script = document.createElement("script");
  script.src = url; script.onload = () => done("ran"); script.onerror = () => done("refused");
  document.head.append(script) }))"""


@dataclass
class Attack:
    """A foreign page and the daemon's origin that it goes for."""

    page: Page
    target: str

    async def run(self, script: str, *arguments: object) -> object:
        """Run one of the scripts above in the foreign page."""
        return await self.page.evaluate(f"{script}(...{json.dumps(arguments)})")

    async def socket(self) -> object:
        return await self.run(SOCKET, self.target.replace("http", "ws") + "/link")


async def worker_of(home: Home) -> str:
    """The path of a script of ours, which a foreign page might want to include."""
    page = await home.open(home.url())
    path = str(await page.evaluate("new URL(document.querySelector('script[src]').src).pathname"))
    await page.close()
    return path


@pytest.fixture(params=["a phone", "the computer itself"])
async def attack(request: pytest.FixtureRequest, home: Home) -> AsyncIterator[Attack]:
    """A neighbour's page, open on a phone or on the very computer where the owner's page is open too."""
    is_here = request.param == "the computer itself"
    victim = home.computer if is_here else home.phone
    own = await home.open(home.daemon.owner_url() if is_here else home.url(), host=victim)
    await own.wait_for("document.body.innerText.includes('STUDY-PC')")
    target = f"http://127.0.0.1:{PORT}" if is_here else home.url("")
    async with serving(_page_of_somebody(), home.neighbour) as origin:
        page = await home.open(f"{origin}/", host=victim)
        yield Attack(page, target)


def _page_of_somebody() -> web.Application:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><body>Somebody else's page</body>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    return app


async def test_a_foreign_page_reads_nothing_and_is_not_linked(attack: Attack, home: Home) -> None:
    assert await attack.run(FETCHES, attack.target, PATHS) == {}
    assert await attack.socket() == "refused"
    assert await attack.run(SCRIPT, attack.target + await worker_of(home)) == "refused"
    assert home.daemon.files() == {}
    assert home.daemon.is_alive


async def test_a_foreign_page_cannot_frame_ours_or_post_a_form_into_it(attack: Attack, home: Home) -> None:
    for count, path in enumerate(("/", "/p", "/owner"), 1):
        await attack.run(FRAME, attack.target + path)
        refusals = [line for line in attack.page.complaints if "frame-ancestors" in line]
        assert len(refusals) == count, f"{path} was framed"
        await attack.page.evaluate("document.querySelector('iframe').remove()")
    form = f"Object.assign(document.createElement('form'), {{action: '{attack.target}/link', method: 'post'}})"
    await attack.page.evaluate(f"document.body.append({form}); document.querySelector('form').submit()")
    await attack.page.wait_for("location.pathname === '/link'")
    assert "Another site asked for this page" in str(await attack.page.evaluate("document.body.innerText"))


async def test_our_own_page_gets_what_a_foreign_page_does_not(home: Home) -> None:
    page = await home.open(home.url())
    ours = Attack(page, home.url(""))
    got = await ours.run(FETCHES, ours.target, PATHS)
    assert isinstance(got, dict)
    assert {"read /", "read /p", "read /health"} <= {what for what, answer in got.items() if answer.startswith("200")}
    assert str(await ours.socket()).startswith("heard")


async def test_a_name_rebound_to_the_computer_gets_no_page_no_health_and_no_link(home: Home) -> None:
    rules = f"--host-resolver-rules=MAP {REBOUND} {home.computer.address}"
    async with Chromium(namespace=home.phone.namespace, flags=[rules]) as browser:
        page = await browser.open(f"http://{REBOUND}:{PORT}/p", phone=False)
        assert "does not answer to that name" in str(await page.evaluate("document.body.innerText"))
        assert await page.evaluate("document.querySelectorAll('script, input').length") == 0
        rebound = Attack(page, f"http://{REBOUND}:{PORT}")
        got = await rebound.run(FETCHES, rebound.target, PATHS)
        assert isinstance(got, dict)
        assert {answer[:4] for what, answer in got.items() if what != "read /"} <= {"421 ", "403 "}
        assert await rebound.socket() == "refused"
        await page.goto(f"http://{REBOUND}:{PORT}/")
        assert await page.evaluate("location.host") == f"{home.computer.address}:{PORT}", "a person is sent on"
