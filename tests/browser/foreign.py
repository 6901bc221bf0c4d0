"""Servers of somebody else: on another machine of the network, run by the test itself."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from tests.namespaces import Host

PORT = 8000


@contextlib.asynccontextmanager
async def serving(app: web.Application, host: Host, *, port: int = PORT) -> AsyncIterator[str]:
    """Serve an application on a machine; gives its origin."""
    socket = host.socket()
    socket.bind((host.address, port))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.SockSite(runner, socket).start()
        yield f"http://{host.address}:{port}"
    finally:
        await runner.cleanup()
