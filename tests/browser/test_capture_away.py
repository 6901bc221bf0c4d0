"""Who owns the edge, the relay or a line between finds no file, name, code or key, and no description of a way."""

import base64
import re
import secrets
from urllib.parse import urlsplit

import pytest

from tests.browser.capture import Capture, listen_in
from tests.browser.home import IS_OPEN, MIB, hashes, wait_done
from tests.browser.nat_world import ROAD, TURN_UDP, nat_world
from tests.browser.test_capture import KEPT_KEY, every_writing, raw
from tests.natlab import Nat

pytestmark = pytest.mark.needs("chromium", "netns", "nft", "coturn", "tcpdump")

# What each side says of its way, as the page's own connections hold it: the values a listener must not find.
KEEP_DESCRIPTIONS = """
window.descriptions = [];
for (const what of ["setLocalDescription", "setRemoteDescription"]) {
  const original = RTCPeerConnection.prototype[what];
  RTCPeerConnection.prototype[what] = function (description, ...rest) {
    if (description?.sdp) window.descriptions.push(description.sdp);
    return original.call(this, description, ...rest).then((done) => {
      const local = this.localDescription;
      if (local) window.descriptions.push(local.sdp);
      return done;
    });
  };
}
"""
ENVELOPE = re.compile(rb"[A-Za-z0-9_-]{80,}")


def opened_envelopes(capture: Capture) -> bytes:
    """What stands in the envelopes that the edge hands on, without their base64url."""
    texts = ENVELOPE.findall(capture.content)
    return b"\n".join(base64.urlsafe_b64decode(text[: len(text) // 4 * 4]) for text in texts)


def private_parts(descriptions: list[str]) -> list[bytes]:
    """Passwords, fingerprints and candidates of the descriptions; the user fragment travels in every STUN packet."""
    parts = re.findall(r"a=(?:ice-pwd|fingerprint|candidate):[^\r\n]+", "\n".join(descriptions))
    return [part.encode() for part in parts]


async def test_edge_and_relay_give_away_neither_content_nor_name_nor_code_nor_key_nor_description() -> None:
    name = f"{secrets.token_urlsafe(24)}.jpg"
    async with nat_world(Nat.SYMMETRIC, Nat.SYMMETRIC, relay=True) as world:
        await world.start_daemon(turn=TURN_UDP)
        file = world.file(name, 4 * MIB)
        content = file.read_bytes()
        url = world.daemon.say("qr", "--remote", "--url")
        fragment = urlsplit(url).fragment
        async with listen_in(world.lab.server, world.folder / "internet.pcap") as capture:
            page = await (await world.browser(world.lab.other)).open()
            await page.command("Page.addScriptToEvaluateOnNewDocument", source=KEEP_DESCRIPTIONS)
            await page.goto(url)
            await page.wait_for(IS_OPEN, within_s=60)
            await page.choose("Send", file)
            await wait_done(page, 1)
            assert await page.evaluate(ROAD) == "relay"
            descriptions = await page.evaluate("window.descriptions")
            key = raw(str(await page.evaluate(KEPT_KEY)))
            await page.close()
        assert world.daemon.files() == hashes([file])
    assert isinstance(descriptions, list)
    private = private_parts(descriptions)
    assert any(part.startswith(b"a=candidate") for part in private)
    assert any(part.startswith(b"a=fingerprint") for part in private)
    assert len(key) == 32
    assert len(capture.content) > 4 * MIB, "the session is not in the capture"
    assert capture.finds(b"GET /signal HTTP/1.1"), "what is in the clear can be read"
    envelopes = opened_envelopes(capture)
    assert len(envelopes) > 2000, "envelopes are in the capture"
    secret = {"name": [name.encode()], "code": [fragment.encode(), *every_writing(raw(fragment[1:]))]}
    secret |= {"key": every_writing(key), "content": [content]}
    found = {what for what, writings in secret.items() for one in writings if capture.finds(one)}
    assert found == set()
    assert [part for part in private if part in capture.content or part in envelopes] == []
    assert not any(writing in envelopes for writings in secret.values() for writing in writings)
