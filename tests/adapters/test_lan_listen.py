"""The listening sockets: loopback always, one port for all, and a sentence when it cannot be had."""

import socket

import pytest
from aiohttp import ClientSession, web

from qrshared.lan import AddressNotHere, PortInUse
from qrshared.links import connect_websocket
from tests.adapters.lan_world import free_port, running, status


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", [None, "0.0.0.0", "127.0.0.1", "localhost"])
async def test_loopback_is_always_bound_on_the_same_port(host: str | None) -> None:
    async with running(host=host) as world:
        assert status(await world.get("/health", host=f"127.0.0.1:{world.port}")) == 200
        if _has_ipv6_loopback():
            request = f"GET /health HTTP/1.1\r\nHost: [::1]:{world.port}\r\nConnection: close\r\n\r\n".encode()
            assert status(await world.raw(request, host="::1")) == 200


async def test_a_second_qrshared_is_told_who_holds_the_port() -> None:
    async with running() as world:
        with pytest.raises(PortInUse, match="another qrshared") as caught:
            async with running(port=world.port):
                pass
        assert str(world.port) in caught.value.sentence
        assert "--port" in caught.value.sentence


async def test_another_program_on_the_port_is_told_apart() -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with pytest.raises(PortInUse, match="another program"):
            async with running(host=None, port=runner.addresses[0][1]):
                pass
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("host", ["192.0.2.77", "not-an-address", "2001:db8::77"])
async def test_an_address_of_another_computer_gives_a_sentence(host: str) -> None:
    with pytest.raises(AddressNotHere, match="--host"):
        async with running(host=host):
            pass


async def test_listening_anew_keeps_the_links_that_are_open() -> None:
    async with running(port=free_port()) as world, ClientSession() as client:
        url = f"http://127.0.0.1:{world.port}"
        link = await connect_websocket(client, f"{url}/link", origin=url)
        same = await world.server.listen(host=None, port=world.port)
        assert same == world.port
        await link.send(b"still here")
        assert await link.receive() == [b"still here"]
        assert status(await world.get("/health")) == 200
        await link.close()


async def test_after_the_end_the_port_is_free_again() -> None:
    async with running(port=free_port()) as world:
        port = world.port
        assert status(await world.get("/health")) == 200
    async with running(port=port) as again:
        assert again.port == port
        assert status(await again.get("/health")) == 200
