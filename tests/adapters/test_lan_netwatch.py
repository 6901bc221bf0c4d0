"""Address changes are noticed at once where the kernel tells, and soon where it does not."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from qrshared.lan import Candidate, netwatch, watch_addresses
from tests.namespaces import home_network

ROOT = Path(__file__).resolve().parents[2]

WATCH = """
    import asyncio
    from qrshared.lan import watch_addresses

    async def main():
        async for found in watch_addresses():
            print(*(candidate.address for candidate in found if candidate.is_ipv4), flush=True)

    asyncio.run(main())
"""


def _candidate(address: str) -> Candidate:
    return Candidate(score=0, address=address, interface="eth0", why=(), prefix=24, is_lan=True)


@pytest.mark.needs("netns")
async def test_a_new_lease_and_a_pulled_plug_are_seen_within_three_seconds() -> None:
    with home_network("10.78.0.1") as (home,):
        process = await asyncio.create_subprocess_exec(
            *home.command(sys.executable, "-c", textwrap.dedent(WATCH)),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None

        async def hears(address: str, *, within_s: float) -> None:
            assert process.stdout is not None
            async with asyncio.timeout(within_s):
                while (await process.stdout.readline()).decode().strip() != address:
                    pass

        try:
            await hears("10.78.0.1", within_s=15)
            home.move_to("10.78.0.2")
            await hears("10.78.0.2", within_s=3)
            home.run("ip", "address", "flush", "dev", "eth0")
            await hears("", within_s=3)
        finally:
            process.terminate()
            await process.wait()


async def test_where_the_kernel_does_not_tell_we_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netwatch, "_netlink", lambda: None)
    readings = iter([["10.0.0.1"], ["10.0.0.1"], ["10.0.0.1"], ["10.0.0.2"]])
    seen: list[str] = []

    def read() -> list[Candidate]:
        return [_candidate(address) for address in next(readings)]

    async with asyncio.timeout(60):
        async for found in watch_addresses(read, poll_s=0.01):
            seen.extend(candidate.address for candidate in found)
            if len(seen) == 2:
                break
    assert seen == ["10.0.0.1", "10.0.0.2"]  # two equal readings in between were no change


async def test_a_burst_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = asyncio.Event()
    readings = 0

    def read() -> list[Candidate]:
        nonlocal readings
        readings += 1
        return [_candidate(f"10.0.0.{readings}")]

    class Kernel:
        def __enter__(self) -> asyncio.Event:
            return changed

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(netwatch, "_kernel_changes", Kernel)
    async with asyncio.timeout(60):
        watching = watch_addresses(read, damping_s=0.2)
        await anext(watching)
        for _ in range(20):
            changed.set()
            await asyncio.sleep(0.002)  # plays a burst
        assert [c.address for c in await anext(watching)] == ["10.0.0.2"]
    assert readings == 2
