"""Away from home: a code for anywhere, its own key, roads that change under a transfer, and who gets none of it."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.browser.chromium import Page
from tests.browser.edge_world import EDGE_PORT, ROAD, AwayHome, make_away_home, on_road, sockets_of
from tests.browser.foreign import serving
from tests.browser.home import IS_OPEN, MIB, hashes, wait_done, wait_sent
from tests.browser.phones import wall_url

pytestmark = pytest.mark.needs("chromium", "netns", "nft")

SIZE = 48 * MIB
MIDDLE = 12 * MIB
MBIT = 120
TWICE_AFTER_A_CUT = 4 * MIB
DATA_CHANNEL_WEIGHT = 1.05
"""What SCTP and DTLS add in packets of some 1,200 bytes; a WebSocket adds next to nothing."""
RELAY_WEIGHT = DATA_CHANNEL_WEIGHT + 0.03
"""A relay wants each of them wrapped once more, in 36 bytes (RFC 8656)."""


@pytest.fixture
async def home(built_page: None) -> AsyncIterator[AwayHome]:
    """A home with an edge on a third machine, without STUN or relays."""
    async with make_away_home() as made:
        yield made


async def transfers(page: Page) -> list[str]:
    """Ids of transfers that this origin has begun and not ended."""
    found = await page.evaluate(
        """new Promise((done) => {
          const open = indexedDB.open("qrshared/1", 1);
          open.onsuccess = () => {
            const all = open.result.transaction("transfers").objectStore("transfers").getAllKeys();
            all.onsuccess = () => done(all.result) } })"""
    )
    assert isinstance(found, list)
    return [str(one) for one in found]


async def test_a_code_for_anywhere_is_opened_enrolled_and_sent_with_and_the_key_alone_opens_the_next_visit(
    home: AwayHome,
) -> None:
    page = await home.open_away(home.away_url())
    assert await page.evaluate("isSecureContext") is False, "control: what follows needs no secure page"
    assert await page.evaluate("location.href") == home.edge.url("/p"), "the code is gone from the address bar"
    film = home.file("film.mp4", SIZE)
    await page.choose("Send", film)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([film])
    assert await page.evaluate(ROAD) == "direct"
    await page.close()

    again = await home.open_away(home.edge.url("/"))
    photo = home.file("photo.jpg", MIB)
    await again.choose("Send", photo)
    await wait_done(again, 1)
    assert home.daemon.files() == hashes([film, photo])
    devices = json.loads(home.daemon.say("devices", "--json"))
    assert len(devices) == 1, devices
    assert not again.complaints, again.complaints


async def test_a_tab_away_that_closes_says_so_and_is_near_nobody_any_more(built_page: None) -> None:
    async with make_away_home("--log-level", "debug") as home:
        other = await (await home.browser_on(home.neighbour)).open(home.daemon.ticket_url())
        page = await home.open_away(home.away_url())
        await other.wait_for("document.querySelector('[data-peer]')", within_s=60)
        await page.close()
        await other.wait_for("!document.querySelector('[data-peer]')", within_s=60)
        # The control: without the word it would have ended by a silence.
        assert "link closed: going_away" in home.daemon.log.read_text()
        assert not other.complaints, other.complaints


async def test_the_road_is_told_in_plain_words_one_tap_away(home: AwayHome) -> None:
    page = await home.open_away(home.away_url())
    await page.tap("straight there, encrypted")
    said = str(await page.wait_for("document.querySelector('dialog[open] .trust')?.innerText"))
    assert "Straight to STUDY-PC" in said
    assert "meeting point" in said
    assert not any(word in said for word in ("TURN", "edge", "ticket"))


async def test_a_transfer_begun_at_home_goes_on_elsewhere_and_comes_home_again(home: AwayHome) -> None:
    page, film = await home.scan(), home.file("film.mp4", SIZE)
    home.phone.throttle(MBIT)
    before = home.phone.sent_bytes()
    await page.choose("Send", film)
    await wait_sent(home.phone, before + MIDDLE)
    begun = await transfers(page)
    assert await page.evaluate(ROAD) == "home"
    home.close_lan()
    await page.wait_for(on_road("direct"), within_s=45)
    await wait_sent(home.phone, before + 2 * MIDDLE)
    home.open_lan()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await page.wait_for(on_road("home"), within_s=10)
    assert await transfers(page) == begun, "the same transfer"
    assert home.daemon.files() == {}, "control: it was in the middle each time"
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([film])
    twice = home.phone.sent_bytes() - before - int(SIZE * DATA_CHANNEL_WEIGHT) - MIB // 2
    print(f"two changes of road: {twice / MIB:.1f} MiB sent twice")
    assert twice <= 2 * TWICE_AFTER_A_CUT
    assert sockets_of(home.phone, EDGE_PORT) == 0, "at home nothing is wanted of the meeting point"


async def test_a_phone_that_gets_another_address_in_the_middle_goes_on_by_itself(home: AwayHome) -> None:
    page, film = await home.open_away(home.away_url()), home.file("film.mp4", SIZE)
    home.phone.throttle(MBIT)
    before = home.phone.sent_bytes()
    await page.choose("Send", film)
    await wait_sent(home.phone, before + MIDDLE)
    home.phone.move_to("192.168.77.21")
    assert home.daemon.files() == {}, "control: it was in the middle"
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([film])
    twice = home.phone.sent_bytes() - before - int(SIZE * DATA_CHANNEL_WEIGHT) - MIB // 2
    print(f"another address: {twice / MIB:.1f} MiB sent twice")
    assert twice <= TWICE_AFTER_A_CUT


async def test_home_is_found_again_within_half_a_minute_without_anybody_doing_anything(home: AwayHome) -> None:
    page = await home.scan()
    home.close_lan()
    await page.wait_for(on_road("direct"), within_s=45)
    home.open_lan()
    await page.wait_for(on_road("home"), within_s=40)


async def test_a_restarted_computer_is_found_at_home_again_without_waiting_for_the_meeting_point(
    home: AwayHome,
) -> None:
    page = await home.scan()
    await home.daemon.kill()
    await page.wait_for("document.querySelector('.head-link').dataset.link === 'lost'")
    await home.start_daemon()
    await page.wait_for(on_road("home"), within_s=15)
    film = home.file("film.mp4", MIB)
    await page.choose("Send", film)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([film])


async def test_nobody_home_is_a_sentence_and_the_page_goes_on_when_somebody_is(home: AwayHome) -> None:
    page = await home.open_away(home.away_url())
    await home.daemon.kill()
    await page.wait_for("document.body.innerText.includes('STUDY-PC cannot be reached right now.')", within_s=60)
    text = str(await page.evaluate("document.body.innerText"))
    assert "It is off, or not connected to the meeting point." in text
    await home.start_daemon()
    await page.wait_for(on_road("direct"), within_s=60)


async def test_a_meeting_point_that_is_gone_is_a_sentence_and_home_goes_on_without_it(home: AwayHome) -> None:
    page = await home.scan()
    away = await home.open_away(home.away_url())
    await home.edge.kill()
    film = home.file("film.mp4", MIB)
    await away.choose("Send", film)
    await wait_done(away, 1)  # what is open needs no edge
    await away.tap("Clear the list")
    home.computer.run("nft", "add", "table", "inet", "cut")
    home.computer.run("nft", "add", "chain", "inet", "cut", "in", "{ type filter hook input priority 0; }")
    home.computer.run("nft", "add", "rule", "inet", "cut", "in", "meta", "l4proto", "udp", "drop")
    await away.wait_for("document.body.innerText.includes('The meeting point does not answer.')", within_s=90)
    photo = home.file("photo.jpg", MIB)
    await page.choose("Send", photo)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([film, photo])


async def test_a_trusted_phone_is_offered_the_other_page_once_and_one_tap_makes_it_work(home: AwayHome) -> None:
    page = await home.scan()
    await page.tap("Use it away from home too")
    await page.wait_for(f"location.port === '{EDGE_PORT}' && {on_road('direct')}", within_s=60)
    film = home.file("film.mp4", MIB)
    await page.choose("Send", film)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([film])
    await page.goto(home.url("/p"))
    await page.wait_for(IS_OPEN)
    assert "away from home" not in str(await page.evaluate("document.body.innerText")), "it does not nag"


async def test_a_guest_is_told_nothing_of_other_roads(home: AwayHome) -> None:
    page = await home.open_on_phone(await wall_url(home))
    assert "away from home" not in str(await page.evaluate("document.body.innerText"))
    assert sockets_of(home.phone, EDGE_PORT) == 0
    home.close_lan()
    await page.wait_for("document.body.innerText.includes('out of reach')", within_s=45)
    await asyncio.sleep(5)  # nothing is to happen, and that takes a while to see
    assert sockets_of(home.phone, EDGE_PORT) == 0


async def test_a_used_code_leads_to_a_known_phones_home_and_a_strangers_to_a_sentence(home: AwayHome) -> None:
    code = home.away_url()
    page = await home.open_away(code)
    await page.close()
    again = await home.open_away(code)
    assert await again.evaluate("location.hash") == ""
    stranger = await (await home.browser_on(home.computer)).open(code)
    await stranger.wait_for("document.body.innerText.includes('Nobody answers this code.')", within_s=60)
    assert await stranger.evaluate(ROAD) is None
    assert len(json.loads(home.daemon.say("devices", "--json"))) == 1


async def test_the_wall_on_the_computers_own_screen_has_a_code_for_a_guest_elsewhere_and_no_other_wall_has(
    home: AwayHome,
) -> None:
    wall = await home.open(home.url().replace(home.computer.address, "127.0.0.1"), host=home.computer)
    await wall.tap("A phone that is not at home?")
    url = str(await wall.wait_for("document.querySelector('[data-away-url]')?.dataset.awayUrl"))
    page = await home.open_away(url)
    photo = home.file("photo.jpg", MIB)
    await page.choose("Send", photo)
    await wait_done(page, 1)
    assert home.daemon.files() == hashes([photo])
    other = await home.open(home.url(), host=home.neighbour)
    await other.wait_for("document.querySelector('.wall-code .qr-code')")
    assert "not at home" not in str(await other.evaluate("document.body.innerText"))


async def test_each_code_gets_a_key_of_its_own_so_that_one_home_cannot_open_another(home: AwayHome) -> None:
    first = await home.open_away(home.away_url())
    key = await first.evaluate("localStorage.getItem('qrshared/1 key')")
    await first.close()
    second = await (await home.browser_on(home.phone)).open(home.away_url())
    await second.tap("Use the code")
    await second.wait_for(on_road("direct"), within_s=60)
    assert await second.evaluate("localStorage.getItem('qrshared/1 key')") not in (None, key)


async def test_a_page_on_the_web_that_opens_its_own_code_gets_nothing_without_a_tap_and_changes_no_bookmark(
    home: AwayHome,
) -> None:
    page = await home.open_away(home.away_url())
    kept = "JSON.stringify(Object.entries(localStorage).sort())"
    before = await page.evaluate(kept)
    stranger = home.edge.url("/p#1" + "B" * 21 + "A")

    async def attacker(_request: web.Request) -> web.Response:
        return web.Response(text=f"<!doctype html><script>location = {stranger!r}</script>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", attacker)
    async with serving(app, home.neighbour) as origin:
        lured = await page.browser.open(origin)
        await lured.wait_for("document.querySelector('dialog')?.innerText.includes('STUDY-PC')")
    assert await lured.evaluate("document.querySelector('phone-page')") is None, "nobody was asked for anything yet"
    assert await lured.evaluate(kept) == before
    await lured.tap("Keep STUDY-PC")
    await lured.wait_for(on_road("direct"), within_s=60)
    assert await lured.evaluate("location.href") == home.edge.url("/p")
    assert await lured.evaluate(kept) == before
    assert await lured.evaluate("Object.keys(sessionStorage).length") == 0
    assert len(json.loads(home.daemon.say("devices", "--json"))) == 1


async def test_an_owner_sees_the_meeting_point_and_has_the_other_code_one_tap_away(home: AwayHome) -> None:
    owner = await home.open(home.daemon.owner_url(), host=home.computer)
    await owner.wait_for("document.querySelector('[data-edge]')?.dataset.edge === 'connected'")
    await owner.tap("Add my phone")
    await owner.wait_for("document.querySelector('dialog .qr-code')")
    await owner.evaluate("[...document.querySelectorAll('dialog [name=reach]')][1].click()")
    sheet = "document.querySelector('dialog')"
    await owner.wait_for(f"{sheet}.querySelector('.qr-code') && {sheet}.innerText.includes('any network')")
    await owner.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # it is shown then
    await owner.tap("Copy as a link")
    link = str(await owner.wait_for(f"/https?:\\S+#1\\S+/.exec({sheet}.querySelector('.add-link').innerText)?.[0]"))
    assert link.startswith(home.edge.url("/p#1"))
    page = await home.open_away(link)
    await owner.wait_for("document.querySelector('.owner-side').innerText.includes('from another network')")
    await page.close()


ASKS = "document.querySelector('.hero')?.dataset.phase"


@pytest.mark.needs("coturn")
async def test_much_through_a_relay_waits_for_a_yes_and_who_waits_for_home_has_it_sent_there(home: AwayHome) -> None:
    await home.daemon.stop()
    home.forbid_direct()
    await home.start_daemon(*await home.start_relay(), "--relay-ask-mb", "1")
    away = await home.open_away(home.away_url(), "relay")
    small, large = home.file("small.jpg", MIB // 2), home.file("large.mov", 4 * MIB)
    await away.choose("Send", small)
    await wait_done(away, 1)
    assert await away.evaluate(ROAD) == "relay"
    await away.choose("Send", large)
    await away.wait_for(f"{ASKS} === 'asked'")
    assert "This goes through your relay (4.2" in str(await away.evaluate("document.body.innerText"))
    assert home.daemon.files() == hashes([small])
    await away.tap("Send now")
    await wait_done(away, 2)
    assert home.daemon.files() == hashes([small, large])
    await away.choose("Send", home.file("larger.mov", 5 * MIB))
    await wait_done(away, 3)  # asked once a page load
    await away.close()

    page = await home.scan()
    home.close_lan()
    await page.wait_for(on_road("relay"), within_s=60)
    film = home.file("film.mp4", 6 * MIB)
    await page.choose("Send", film)
    await page.wait_for(f"{ASKS} === 'asked'")
    await page.tap("Wait for home Wi-Fi")
    await page.wait_for(f"{ASKS} === 'held'")
    assert "film.mp4" not in home.daemon.files()
    home.open_lan()
    await wait_done(page, 1, within_s=60)
    assert home.daemon.files()["film.mp4"] == hashes([film])["film.mp4"]
    assert await page.evaluate(ROAD) == "home"


@pytest.mark.needs("coturn")
async def test_what_goes_through_a_relay_goes_straight_once_there_is_a_way_and_is_the_same_transfer(
    home: AwayHome,
) -> None:
    await home.daemon.stop()
    home.forbid_direct()
    await home.start_daemon(*await home.start_relay(), "--relay-ask-mb", "1000")
    page = await home.open_away(home.away_url(), "relay")
    home.phone.throttle(5)
    before = home.phone.sent_bytes()
    film = home.file("film.mp4", SIZE)
    await page.choose("Send", film)
    await wait_sent(home.phone, before + 2 * MIB)
    begun = await transfers(page)
    home.allow_direct()
    await page.wait_for(f"{ROAD} === 'direct'", within_s=120)
    assert await transfers(page) == begun
    assert "film.mp4" not in home.daemon.files(), "control: it was on its way"
    home.phone.throttle(MBIT)
    await wait_done(page, 1, within_s=240)
    assert home.daemon.files() == hashes([film])
    twice = home.phone.sent_bytes() - before - int(SIZE * RELAY_WEIGHT) - MIB // 2
    print(f"from the relay to a straight way: {twice / MIB:.1f} MiB sent twice")
    assert twice <= TWICE_AFTER_A_CUT


async def test_a_foreign_page_gets_nothing_of_the_meeting_point_but_an_empty_room(home: AwayHome) -> None:
    phone = await home.open_away(home.away_url())
    room = "A" * 22
    asked = f"""new Promise((done) => {{
      const heard = [];
      const socket = new WebSocket("{home.edge.url("/signal").replace("http", "ws")}");
      socket.onopen = () => socket.send(JSON.stringify({{ t: "join", rooms: ["{room}"] }}));
      socket.onmessage = ({{ data }}) => {{
        heard.push(JSON.parse(data));
        if (heard.at(-1).t === "joined") done(heard) }};
      socket.onerror = () => done("refused"); }})"""

    async def other(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>other</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", other)
    async with serving(app, home.neighbour) as origin:
        foreign = await phone.browser.open(origin)
        heard = await foreign.evaluate(asked)
        assert isinstance(heard, list)
        assert [message["t"] for message in heard] == ["welcome", "joined"]
        assert [(here["room"], here["peers"]) for here in heard[1]["present"]] == [(room, [])]
        got = await foreign.evaluate(
            f"Promise.all(['/', '/p', '/health', '/ready'].map((path) => fetch('{home.edge.url()}' + path)"
            ".then((answer) => answer.text(), () => null)))"
        )
        assert got == [None] * 4
    assert await phone.evaluate(ROAD) == "direct"
