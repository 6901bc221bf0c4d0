"""A Metered that behaves as its documents say, on loopback, and one that does not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

from qrshared.signaling import MeteredTurn, TurnServer
from qrshared.signaling.metered import MeteredTurnSource
from qrshared.signaling.turn_config import MeteredKeyKind

APP = "my-app"
API_KEY = "a57a9a52a4a56f5daffb86a0b6179e00e624"
SECRET_KEY = "vLwipNRUeDLGfgNEhJE9Vu58LX-1f3VYji0oIR8YpOeW_0pn"


@dataclass
class FakeMetered:
    """Its two endpoints. `credentials` makes what a relay really takes; `answer` replaces everything it says."""

    credentials: Callable[[], Awaitable[TurnServer]]
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    asked: list[str] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/turn/credentials", self._read)
        app.router.add_post("/api/v1/turn/credential", self._make)
        return app

    async def _read(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("read")
        if self.answer is not None:
            return await self.answer(request)
        key = request.query.get("apiKey")
        if key is None:
            return web.json_response({"error": "API Key is required"}, status=400)
        if key not in (API_KEY, *[made["apiKey"] for made in self.made]):
            return web.json_response({"error": "Invalid API Key"}, status=401)
        server = await self.credentials()
        words = {"username": server.username, "credential": server.credential}
        return web.json_response(
            [{"urls": "stun:stun.relay.metered.ca:80"}, *[{"urls": url, **words} for url in server.urls]]
        )

    async def _make(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("make")
        if self.answer is not None:
            return await self.answer(request)
        if request.query.get("secretKey") != SECRET_KEY:
            return web.json_response({"message": "Invalid secret key"}, status=401)
        said = json.loads(await request.text())
        if not isinstance(said.get("expiryInSeconds"), int) or said["expiryInSeconds"] <= 0:
            sentence = "please enter a positive integer value for expiryInSeconds"
            return web.json_response({"message": sentence}, status=400)
        made = {"username": "u", "password": "p", **said, "apiKey": f"made-{len(self.made)}"}
        self.made.append(made)
        return web.json_response(made)

    def source(
        self, session: ClientSession, key: str = API_KEY, kind: MeteredKeyKind | None = None, **how: Any
    ) -> MeteredTurnSource:
        def address_of(app: str) -> str:
            assert app == APP
            return self.address

        return MeteredTurnSource(MeteredTurn(APP, key, kind), session, address_of=address_of, **how)


@asynccontextmanager
async def metered(
    credentials: Callable[[], Awaitable[TurnServer]] | None = None, *, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[FakeMetered, ClientSession]]:
    async def fixed() -> TurnServer:
        return TurnServer(("turn:relay:80", "turn:relay:80?transport=tcp", "turns:relay:443?transport=tcp"), "me", "pw")

    fake = FakeMetered(credentials or fixed)
    runner = web.AppRunner(fake.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, 0)
        await site.start()
        fake.address = f"http://{host}:{runner.addresses[0][1]}"
        async with ClientSession() as session:
            yield fake, session
    finally:
        await runner.cleanup()


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError
