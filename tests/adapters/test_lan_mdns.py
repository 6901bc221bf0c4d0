"""mDNS as avahi sees it from another computer: found, resolved, renamed on conflict, gone with a goodbye."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from zeroconf import Zeroconf

from qrshared.lan import Advertiser
from qrshared.lan.hearing import ask_for_name
from qrshared.lan.mdns import HOST_NAMES_MAX, instance_name
from tests.namespaces import Host, home_network

needs_avahi = pytest.mark.needs("netns", "avahi-daemon", "avahi-browse", "dbus-daemon")

ROOT = Path(__file__).resolve().parents[2]

ADVERTISE = """
    import asyncio, signal, sys
    from qrshared.lan import Advertiser, advertised_addresses, watch_addresses

    async def main():
        async with Advertiser(name=sys.argv[1], port=int(sys.argv[2])) as advertiser:
            me = asyncio.current_task()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
            try:
                async for found in watch_addresses():
                    await advertiser.follow(advertised_addresses(found))
                    print(advertiser.local_name, *advertised_addresses(found), flush=True)
            except asyncio.CancelledError:
                pass
        print("gone", flush=True)

    asyncio.run(main())
"""

STEADY = """
    import asyncio, logging, sys
    from qrshared.lan import Advertiser

    class Slow(Advertiser):
        waited = False

        async def _register(self, zeroconf, host):
            if not self.waited:
                self.waited = True
                print("about to speak", flush=True)
                await asyncio.to_thread(sys.stdin.readline)
            await super()._register(zeroconf, host)

    async def main():
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        async with Slow(name="STUDY-PC", port=7774) as advertiser:
            while True:
                await advertiser.follow(["10.77.0.1"])
                print("now", advertiser.local_name, flush=True)
                await asyncio.sleep(0.5)

    asyncio.run(main())
"""
"""Looks often whether it is heard, as the daemon does now and then; the first time it waits to be told to speak."""

DBUS = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>
"""

AVAHI = """
[server]
host-name=otherbox
use-ipv6=no
"""


@contextmanager
def avahi(host: Host, folder: Path) -> Iterator[Callable[..., str]]:
    """A real avahi on this computer, with a bus of its own; yields a way to run its tools."""
    bus = folder / "bus"
    (folder / "dbus.conf").write_text(DBUS.format(bus=bus))
    (folder / "avahi.conf").write_text(AVAHI)
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}"}
    bus_words = ["dbus-daemon", f"--config-file={folder}/dbus.conf", "--nofork", "--nopidfile"]
    programs = [subprocess.Popen(bus_words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
    try:
        _until(bus.exists)
        # /run/avahi-daemon of its own, so that it minds no other avahi of this machine
        start = (
            "mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && "
            f"exec avahi-daemon -f {folder}/avahi.conf --no-drop-root --no-rlimits --no-chroot"
        )
        avahi_words = host.command("sh", "-c", start)
        programs.append(
            subprocess.Popen(avahi_words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

        def tool(*words: str) -> str:
            command = host.command("timeout", "10", *words)
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout

        _until(lambda: host.address in tool("avahi-resolve", "-4", "-n", "otherbox.local"))
        yield tool
    finally:
        for program in reversed(programs):
            program.terminate()
            program.wait()


def _until(holds: Callable[[], object], *, within_s: float = 60) -> None:
    """Ask again and again; each asking of a tool takes its own time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "that did not come true in time"


@asynccontextmanager
async def advertising(host: Host, *, name: str, port: int = 7774) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program on this computer that advertises until it is told to stop."""
    process = await asyncio.create_subprocess_exec(
        *host.command(sys.executable, "-c", textwrap.dedent(ADVERTISE), name, str(port)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _says(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


def _services(tool: Callable[..., str], kind: str) -> set[tuple[str, str, str, str]]:
    """(instance, host, address, txt) of each service that avahi resolves now."""
    rows = (line.split(";") for line in tool("avahi-browse", "-prt", kind).splitlines() if line.startswith("="))
    # avahi writes a space as \032
    return {(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1])), row[3]), row[6], row[7], row[9]) for row in rows}


@needs_avahi
async def test_avahi_finds_resolves_follows_and_loses_us(tmp_path: Path) -> None:
    with home_network("10.77.0.1", "10.77.0.2") as (home, other), avahi(other, tmp_path) as tool:
        async with advertising(home, name="STUDY-PC") as daemon:
            assert await _says(daemon) == "qrshare.local 10.77.0.1"
            for kind in ("_qrshared._tcp", "_http._tcp"):
                ((instance, host, address, txt),) = await asyncio.to_thread(_services, tool, kind)
                assert (instance, host, address) == ("STUDY-PC", "qrshare.local", "10.77.0.1")
                assert {'"v=1"', '"path=/"'} == set(txt.split())
            assert "10.77.0.1" in tool("avahi-resolve", "-4", "-n", "qrshare.local")
            assert tool("avahi-resolve", "-4", "-n", f"{socket.gethostname()}.local") == ""  # never the computer's own

            home.move_to("10.77.0.9")
            moved = await _says(daemon)
            while moved != "qrshare.local 10.77.0.9":  # between the two there may be no address at all
                moved = await _says(daemon)
            await asyncio.to_thread(
                _until, lambda: {row[2] for row in _services(tool, "_qrshared._tcp")} == {"10.77.0.9"}
            )

            daemon.send_signal(signal.SIGTERM)
            assert await _says(daemon) == "gone"
            await asyncio.to_thread(_until, lambda: not _services(tool, "_qrshared._tcp"), within_s=5)


@pytest.mark.needs("netns", "nft")
async def test_an_address_that_goes_while_it_is_announced_is_no_traceback_and_heard_again_when_it_is_back() -> None:
    with home_network("10.77.0.1", "10.77.0.2") as (home, other):
        process = await home.start(
            sys.executable, "-c", textwrap.dedent(STEADY), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdin is not None
        try:
            await _reads(process, "about to speak")
            home.run("ip", "address", "flush", "dev", "eth0")
            process.stdin.write(b"\n")
            read = await _reads(process, "now None")
            home.move_to("10.77.0.1")
            read += await _reads(process, "now qrshare.local")
            await asyncio.to_thread(_until, lambda: _answers(other))

            home.run("nft", "add table ip t; add chain ip t o { type filter hook output priority 0; policy drop; }")
            read += await _reads(process, "the QR works all the same")
            home.run("nft", "delete table ip t")
            read += await _reads(process, "now qrshare.local")
            await asyncio.to_thread(_until, lambda: _answers(other))
        finally:
            process.kill()
            await process.wait()
    assert not [line for line in read if "Traceback" in line or "zeroconf" in line], read


def _answers(asking: Host) -> bool:
    return bool(asking.inside(lambda: ask_for_name("qrshare.local", asking.address).answers))


async def _reads(process: asyncio.subprocess.Process, last: str) -> list[str]:
    """All it says up to a line that has this in it."""
    assert process.stdout is not None
    read: list[str] = []
    async with asyncio.timeout(90):
        while not read or last not in read[-1]:
            line = await process.stdout.readline()
            assert line, read
            read.append(line.decode().rstrip())
    return read


@needs_avahi
async def test_a_second_daemon_gets_a_suffix_for_both_names(tmp_path: Path) -> None:
    with home_network("10.77.0.1", "10.77.0.2", "10.77.0.3") as (first, second, other), avahi(other, tmp_path) as tool:
        async with advertising(first, name="Bob's Mac.") as one:
            assert await _says(one) == "qrshare.local 10.77.0.1"
            async with advertising(second, name="Bob's Mac.") as two:
                assert await _says(two) == "qrshare-2.local 10.77.0.2"
                found = await asyncio.to_thread(_services, tool, "_qrshared._tcp")
    assert {(instance, host, address) for instance, host, address, _ in found} == {
        ("Bob's Mac", "qrshare.local", "10.77.0.1"),
        ("Bob's Mac-2", "qrshare-2.local", "10.77.0.2"),
    }


@pytest.mark.needs("netns")
async def test_two_daemons_that_start_together_do_not_share_a_name() -> None:
    with home_network("10.77.0.1", "10.77.0.2") as (first, second):
        async with advertising(first, name="A") as one, advertising(second, name="B") as two:
            names = await asyncio.gather(_says(one), _says(two))
    assert len({name.split()[0] for name in names}) == 2


async def test_without_an_address_and_without_multicast_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async with Advertiser(name="STUDY-PC", port=7774) as advertiser:
        await advertiser.follow([])
        assert advertiser.local_name is None
        await advertiser.follow(["192.0.2.99"])  # not an address of ours: no socket can be opened on it
        assert advertiser.local_name is None
        assert caplog.text == "", "for a moment is not worth a word"
        for _ in range(3):
            await advertiser.follow(["192.0.2.99"])
    assert caplog.text.count("the QR works all the same") == 1
    assert "Traceback" not in caplog.text


async def test_where_every_name_is_taken_the_network_is_left_in_peace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    async def others(_advertiser: Advertiser, _zeroconf: object, host: str) -> set[str]:
        asked.append(host)
        return {"192.168.1.99"}

    monkeypatch.setattr(Advertiser, "_others", others)
    async with Advertiser(name="STUDY-PC", port=7774) as advertiser:
        await advertiser.follow(["127.0.0.1"])
        assert advertiser.local_name is None
        await advertiser.follow(["127.0.0.1"])  # and not asked again and again
    assert asked == ["qrshare", *(f"qrshare-{number}" for number in range(2, HOST_NAMES_MAX + 1))]
    assert "are taken" in caplog.text


@pytest.mark.parametrize(
    ("display_name", "instance"),
    [
        ("STUDY-PC", "STUDY-PC"),
        ("Ann's iMac 2.local", "Ann's iMac 2 local"),
        ("line\nbreak\u202e", "line break"),
        ("", "qrshare"),
        ("...", "qrshare"),
        ("ä" * 60, "ä" * 30),
    ],
)
def test_any_display_name_becomes_one_label(display_name: str, instance: str) -> None:
    assert instance_name(display_name) == instance


async def test_where_it_may_not_be_heard_any_more_it_leaves_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(Advertiser, "_others", _nobody)
    async with Advertiser(name="STUDY-PC", port=7774) as advertiser:
        await advertiser.follow(["127.0.0.1"])
        assert advertiser.local_name == "qrshare.local"
        monkeypatch.setattr(Zeroconf, "async_send", lambda _self, out, *_where, **_how: said.append(out))
        await advertiser.follow([])
        assert said == []
        await advertiser.follow(["127.0.0.1"])
        said.clear()
    assert said, "control: who stops at home says goodbye"


async def _nobody(_advertiser: Advertiser, _zeroconf: object, _host: str) -> set[str]:
    return set()
