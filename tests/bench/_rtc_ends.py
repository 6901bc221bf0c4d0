"""Ends of data channels for the bench of WebRTC: programs in Python, and connections within a page of Chromium."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from tests.bench._memory import cpu_s
from tests.bench._rtc_peer import LINE_BYTES, MESSAGE_BYTES
from tests.browser.chromium import Page

ROOT: Final = Path(__file__).resolve().parents[2]
ENDS_WITHIN_S: Final = 20.0

JAVASCRIPT: Final = """
window.ends = [];
window.makeEnd = () => {
  const connection = new RTCPeerConnection({ iceServers: [] });
  let open, wake = () => {}, channel, count = 0, began = 0, ended = 0, fault = null;
  const opened = new Promise((done) => { open = done; });
  const use = (given) => {
    channel = given;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = 1 << 20;
    channel.onbufferedamountlow = () => wake();
    channel.onmessage = ({ data }) => {
      if (new DataView(data).getUint32(0) !== count || data.byteLength !== SIZE) fault ??= `message ${count}`;
      ended = performance.now();
      began ||= ended;
      count += 1;
    };
    if (channel.readyState === "open") open(); else channel.onopen = open;
  };
  connection.ondatachannel = (event) => use(event.channel);
  const described = async (description) => {
    await connection.setLocalDescription(description);
    while (connection.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 10));
    return connection.localDescription.sdp;
  };
  return ends.push({
    offer: async () => {
      use(connection.createDataChannel("qrshared"));
      return described(await connection.createOffer());
    },
    answer: async (sdp) => {
      await connection.setRemoteDescription({ type: "offer", sdp });
      return described(await connection.createAnswer());
    },
    accept: async (sdp) => { await connection.setRemoteDescription({ type: "answer", sdp }); },
    opened: async () => { await opened; },
    send: async (messages) => {
      const bytes = new Uint8Array(SIZE), number = new DataView(bytes.buffer);
      for (let at = 0; at < messages; at++) {
        if (channel.bufferedAmount > 4 << 20) await new Promise((done) => { wake = done; });
        number.setUint32(0, at);
        channel.send(bytes);
      }
    },
    receive: async (messages) => {
      while (count < messages && fault === null) await new Promise((done) => setTimeout(done, 20));
      if (fault !== null) throw new Error(`${fault} is another one`);
      return (ended - began) / 1000;
    },
    close: async () => connection.close(),
  }) - 1;
};
true
""".replace("SIZE", str(MESSAGE_BYTES))


class End(Protocol):
    """One end, wherever it is."""

    async def ask(self, verb: str, *words: object) -> object: ...

    def cpu_s(self) -> float:
        """What its process has used; 0 where it has none of its own."""


class InPage:
    """A connection in a tab."""

    def __init__(self, page: Page, number: int) -> None:
        self._page = page
        self._number = number

    async def ask(self, verb: str, *words: object) -> object:
        told = ", ".join(map(json.dumps, words))
        return await self._page.evaluate(f"ends[{self._number}].{verb}({told})")

    def cpu_s(self) -> float:
        return 0.0


class InPython:
    """A program of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ask(self, verb: str, *words: object) -> object:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([verb, *words])}\n".encode())
        return await self.hear()

    async def hear(self) -> object:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("a program of this bench ended before its time")
        return json.loads(line)

    def cpu_s(self) -> float:
        return cpu_s(self._process.pid)


@asynccontextmanager
async def an_end(kind: str, page: Page) -> AsyncIterator[End]:
    """An end of this kind (`chromium`, `ours`, `stock`), until the context ends."""
    if kind == "chromium":
        number = await page.evaluate("makeEnd()")
        assert isinstance(number, int)
        end = InPage(page, number)
        yield end
        await end.ask("close")
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench._rtc_peer", kind, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        running = InPython(process)
        await running.hear()
        yield running
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(ENDS_WITHIN_S):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
