"""The accept wrapper around a bare aiohttp server: bodies, slow handlers, readers that sleep, no descriptors left."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from qrshared.serving import Caps, Gate
from tests.waiting import until


@asynccontextmanager
async def server(gate: Gate, *, guarded: bool = True) -> AsyncIterator[int]:
    """Routes that read a body, think, and answer with much; `guarded` False is the control."""

    async def count(request: web.Request) -> web.StreamResponse:
        total = 0
        async for part in request.content.iter_any():
            total += len(part)
        return web.Response(text=str(total))

    async def think(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.0)  # plays a slow handler
        return web.Response(text="thought")

    async def much(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(64 << 20))

    app = web.Application(middlewares=[gate.middleware])
    app.router.add_post("/count", count)
    app.router.add_get("/think", think)
    app.router.add_get("/much", much)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    assert runner.server is not None
    gate.guard(runner.server)
    made = await asyncio.get_running_loop().create_server(gate if guarded else runner.server, "127.0.0.1", 0)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()
        await runner.cleanup()


async def _ends(reader: asyncio.StreamReader, *, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            while await reader.read(65_536):
                pass
            return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


HALF_A_BODY = b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello"


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control: aiohttp alone"])
async def test_a_body_that_stops_is_dropped(guarded: bool) -> None:
    gate = Gate(Caps(stall_s=0.3))
    async with server(gate, guarded=guarded) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF_A_BODY)
        assert await _ends(reader, within_s=10 if guarded else 1.5) is guarded
        writer.close()


async def test_a_body_that_drips_is_read_to_its_end() -> None:
    async with server(Gate(Caps(stall_s=0.5))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF_A_BODY)
        for letter in (b"w", b"o", b"r", b"l", b"d"):
            await asyncio.sleep(0.2)  # plays a slow peer
            writer.write(letter)
        assert (await reader.readuntil(b"10")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_slow_handler_is_not_the_peers_fault() -> None:
    gate = Gate(Caps(stall_s=0.2, header_deadline_s=0.2))
    async with server(gate) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /think HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"thought")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert gate.counts.cut == 0


async def test_a_peer_that_does_not_read_its_answer_is_dropped() -> None:
    gate = Gate(Caps(stall_s=0.3))
    async with server(gate) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: gate.counts.open == 1)
        await until(lambda: gate.counts.open == 0)
        assert gate.counts.cut == 1
        writer.close()


async def test_a_later_request_on_the_same_socket_has_its_own_deadline() -> None:
    gate = Gate(Caps(header_deadline_s=0.3))
    async with server(gate) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF_A_BODY + b"world")
        await reader.readuntil(b"\r\n\r\n10")
        writer.write(b"POST /cou")
        assert await _ends(reader, within_s=10)
        assert gate.counts.cut == 1
        writer.close()


async def test_the_counts_return_to_nothing() -> None:
    gate = Gate()
    async with server(gate) as port:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        await until(lambda: gate.counts.open == 20)
        for _, writer in pairs:
            writer.close()
        await until(lambda: gate.counts.open == 0)
    assert gate.counts.waiting == 0
    assert not gate._by_address


async def test_a_stranger_gets_no_byte_whatever_it_sends() -> None:
    gate = Gate()
    gate.screen(lambda address: address != "127.0.0.2")
    async with server(gate) as port:
        for says in (b"GARBAGE\r\n\r\n", b"GET /think HTTP/1.1\r\nHost: x\r\n\r\n"):
            answers = {}
            for source in ("127.0.0.2", "127.0.0.1"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
                writer.write(says)
                try:
                    answers[source] = await reader.read(100)
                except ConnectionError:
                    answers[source] = b""
                writer.close()
            assert answers["127.0.0.2"] == b""
            assert answers["127.0.0.1"].startswith(b"HTTP/1.")
    assert gate.counts.refused == 2


OUT_OF_DESCRIPTORS = """
    import asyncio, json, resource, socket, sys, urllib.request
    from qrshared.lan import LanServer, admission_for, build_app
    from qrshared.serving import BuiltPage, Caps, Gate

    async def main():
        gate = Gate(Caps(sockets=10_000, per_address=10_000, waiting_per_address=10_000, header_deadline_s=1.0))
        admission = admission_for([], port=0)
        app = build_app(page=BuiltPage({}), sessions=lambda: 0, on_link=None, admission=lambda: admission, gate=gate)
        async with LanServer(app, gate) as server:
            port = await server.listen(host="127.0.0.1", port=0)
            admission = admission_for([], port=port, host="127.0.0.1")
            print(port, flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print(json.dumps({"cut": gate.counts.cut}), flush=True)

    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="descriptor limits are POSIX")
async def test_accepting_goes_on_after_descriptors_have_run_out() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(OUT_OF_DESCRIPTORS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        port = int(await process.stdout.readline())
        flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        # all 100 are in the kernel's queue; the process has descriptors for fewer than 40, and says so
        async with asyncio.timeout(60):
            while b"out of system resource" not in await process.stderr.readline():
                pass
        for _, writer in flood:
            writer.close()
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
        assert b'"status": "ok"' in answer
    finally:
        await process.communicate(b"\n")
