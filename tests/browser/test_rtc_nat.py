"""Between two routers a browser often reaches a relay first: our side follows it to the direct way."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator

import pytest

from tests.browser.chromium import Chromium
from tests.browser.home import ROOT
from tests.namespaces import Host
from tests.natlab import SERVER, Laboratory, Nat, nat_laboratory
from tests.parts import find

pytestmark = pytest.mark.needs("chromium", "netns", "nft", "coturn")

SERVERS = [[f"stun:{SERVER}:3478", None, None], [f"turn:{SERVER}:3478", "name", "secret"]]
OFFER = """(async () => {
  const [[stun], [turn, username, credential]] = %s;
  window.connection = new RTCPeerConnection({ iceServers: [{ urls: stun }, { urls: turn, username, credential }] });
  const channel = connection.createDataChannel("qrshared");
  await connection.setLocalDescription(await connection.createOffer());
  while (connection.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 10));
  return connection.localDescription.sdp;
})()"""


@contextlib.asynccontextmanager
async def a_program(host: Host, *words: str) -> AsyncIterator[Process]:
    process = await host.start(*words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT, limit=1 << 20,
                               env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def a_relay(lab: Laboratory) -> AsyncIterator[None]:
    """STUN and TURN on the internet."""
    words = (
        "-n", "--listening-ip", SERVER, "--relay-ip", SERVER, "--lt-cred-mech", "--user", "name:secret",
        "--realm", "test", "--no-tls", "--no-dtls", "--no-cli", "--pidfile", os.devnull, "--log-file", os.devnull,
    )  # fmt: skip
    async with a_program(lab.server, find("turnserver") or "turnserver", *words), asyncio.timeout(60):
        while "3478" not in lab.server.run("ss", "-lnt"):
            await asyncio.sleep(0.05)
        yield


async def line_of(process: Process) -> object:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return json.loads(await process.stdout.readline())


async def connect(home: Process, browser: Chromium) -> None:
    page = await browser.open()
    offer = await page.evaluate(OFFER % json.dumps(SERVERS))
    assert home.stdin is not None
    home.stdin.write(f"{json.dumps(offer)}\n".encode())
    answer = json.dumps({"type": "answer", "sdp": await line_of(home)})
    await page.evaluate(f"connection.setRemoteDescription({answer}).then(() => true)")


async def roads_of_three(home: Nat, away: Nat, wanted: str) -> list[list[object]]:
    """What each of three connections went through until it was on the road that is wanted."""
    seen: list[list[object]] = []
    with nat_laboratory(home, away) as lab:
        async with a_relay(lab), Chromium(namespace=lab.other.namespace) as browser:
            for _ in range(3):
                words = (sys.executable, "-m", "tests.browser.rtc_home", json.dumps(SERVERS))
                async with a_program(lab.computer, *words) as process:
                    await connect(process, browser)
                    roads = [await line_of(process)]
                    while roads[-1] != wanted:
                        roads.append(await line_of(process))
                    seen.append(roads)
    return seen


async def test_between_cone_nats_all_end_up_on_the_direct_way() -> None:
    for roads in await roads_of_three(Nat.CONE, Nat.CONE, "direct"):
        assert roads in (["direct"], ["relay", "direct"])


async def test_between_symmetric_nats_all_use_the_relay() -> None:
    assert await roads_of_three(Nat.SYMMETRIC, Nat.SYMMETRIC, "relay") == [["relay"]] * 3
