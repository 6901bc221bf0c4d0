"""The server on a network of several computers: phones get in by the LAN address, strangers get nothing."""

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.namespaces import Host, home_network

pytestmark = pytest.mark.needs("netns")

ROOT = Path(__file__).resolve().parents[2]
PORT = 7774
STRANGER = "8.8.8.8"

SERVE = """
    import asyncio, sys
    from qrshared.lan import LanServer, admission_for, build_app, candidates
    from qrshared.serving import BuiltPage, Gate
    from qrshared.serving.page import Asset

    async def main(host):
        admission = admission_for(candidates(), port=7774, host=host)
        page = BuiltPage({"/": Asset(b"THE PAGE", "text/html", "1", "no-cache")})
        gate = Gate()
        app = build_app(page=page, sessions=lambda: 0, on_link=None, admission=lambda: admission, gate=gate)
        async with LanServer(app, gate) as server:
            await server.listen(host=host, port=7774)
            print("ready", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
"""

ASK = """
    import socket, sys
    source, target, name = sys.argv[1:]
    connection = socket.create_connection((target, 7774), timeout=3, source_address=(source, 0))
    connection.sendall(f"GET / HTTP/1.1\\r\\nHost: {name}:7774\\r\\nConnection: close\\r\\n\\r\\n".encode())
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except OSError:
        pass
    print(answer.decode())
"""


def _ask(host: Host, target: str, *, name: str | None = None, source: str = "") -> str:
    words = host.command(sys.executable, "-c", textwrap.dedent(ASK), source, target, name or target)
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


@asynccontextmanager
async def serving(host: Host, *words: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *host.command(sys.executable, "-c", textwrap.dedent(SERVE), *words),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_a_phone_gets_the_page_and_a_stranger_not_one_byte() -> None:
    with home_network("10.79.0.1", "10.79.0.2") as (home, phone):
        phone.run("ip", "address", "add", f"{STRANGER}/32", "dev", "lo")
        home.run("ip", "route", "add", STRANGER, "via", phone.address)
        async with serving(home):
            assert "THE PAGE" in await asyncio.to_thread(_ask, phone, home.address)
            assert "THE PAGE" in await asyncio.to_thread(_ask, home, "127.0.0.1")
            assert await asyncio.to_thread(_ask, phone, home.address, source=STRANGER) == ""
            assert await asyncio.to_thread(_ask, phone, home.address, name="study-pc", source=STRANGER) == ""
            typed = await asyncio.to_thread(_ask, phone, home.address, name="study-pc")
            assert typed.startswith("HTTP/1.1 302")
            assert f"Location: http://{home.address}:{PORT}/" in typed


async def test_a_chosen_host_leaves_the_other_addresses_closed() -> None:
    with home_network("10.79.0.1", "10.79.0.2") as (home, phone):
        home.run("ip", "address", "add", "10.79.0.3/24", "dev", "eth0")
        async with serving(home, "10.79.0.3"):
            assert "THE PAGE" in await asyncio.to_thread(_ask, phone, "10.79.0.3")
            assert "THE PAGE" in await asyncio.to_thread(_ask, home, "127.0.0.1")
            assert await asyncio.to_thread(_ask, phone, "10.79.0.1") == ""
