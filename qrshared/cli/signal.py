"""`qrshared signal`: the edge, where devices in different networks meet."""

import asyncio
import ipaddress
import logging
import os
import secrets
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

import click

from qrshared.cli.options import debug_option
from qrshared.cli.turn_options import TurnFlags, sources_of, turn_options
from qrshared.errors import UserError
from qrshared.settings.away import STUN_DEFAULT, read_stun
from qrshared.settings.values import Expected

if TYPE_CHECKING:
    from qrshared.serving.guard import Network
    from qrshared.signaling import Bus, TurnConfig

PORT = 7780
"""Where the edge listens unless told otherwise."""

_PLACES: Final = {
    "static": "one account for everybody",
    "metered": "Metered",
    "coturn": "your own, a new name for each connection",
}


class RedisMissing(UserError):
    """Several replicas need the Redis client. Install it with: pip install 'qrshared[redis]'"""


class BadRedis(UserError):
    """That is no address of a Redis. It looks like redis://host:6379/0, or rediss://user:password@host:6379/0."""


class DomainWithoutKit(UserError):
    """--domain is a word for --kit: it stands in the files that are written."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What was asked for, but for relays."""

    host: str
    port: int
    redis_url: str | None
    networks: "list[Network]"
    metrics_port: int | None
    metrics_host: str
    stun: tuple[str, ...]


def _read_stun(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    try:
        return read_stun(value)
    except Expected as expected:
        raise click.BadParameter(f"it must be {expected}") from None


@click.command("signal")
@click.option("--host", metavar="ADDRESS", default="0.0.0.0", show_default=True, help="Listen here.")  # noqa: S104 - the edge is for everybody; it holds nothing that is anybody's
@click.option("--port", metavar="PORT", type=click.IntRange(0, 65535), default=PORT, show_default=True, envvar="PORT",
              help="Also from PORT, as hosting platforms set it. 0 takes a free one.")  # fmt: skip
@click.option("--redis", "redis_url", metavar="URL", envvar="QRSHARED_REDIS",
              help="Join the other replicas that use this Redis. With a password in it, set QRSHARED_REDIS instead: "
                   "others on this computer can read a command line.")  # fmt: skip
@click.option("--trusted-proxy", "trusted_proxies", metavar="CIDR", multiple=True, envvar="QRSHARED_TRUSTED_PROXY",
              help="A reverse proxy in front, such as 10.0.0.0/8; may be given several times. Its X-Forwarded-For "
                   "tells visitors apart; without this, all of them count as one. On a hosting platform: private, "
                   "which is every address that the internet cannot have.")  # fmt: skip
@click.option("--metrics-port", metavar="PORT", type=click.IntRange(0, 65535),
              help="Serve /metrics for Prometheus on this port. Off by default.")  # fmt: skip
@click.option("--metrics-host", metavar="ADDRESS", default="127.0.0.1", show_default=True,
              help="Listen for that here; whoever reaches it reads how much goes on.")  # fmt: skip
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info",
              show_default=True)  # fmt: skip
@click.option("--stun", metavar="LIST", envvar="QRSHARED_STUN", callback=_read_stun, default=",".join(STUN_DEFAULT),
              show_default=True, help="Whom two browsers that meet here ask for their public address, with commas "
                                      "between; none asks nobody.")  # fmt: skip
@turn_options
@click.option("--kit", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="Start nothing: write a folder for `docker compose up`, with edge, relay and HTTPS.")  # fmt: skip
@click.option("--domain", metavar="NAME", help="With --kit: the name that points to your server.")
@debug_option
def command(
    host: str,
    port: int,
    redis_url: str | None,
    trusted_proxies: tuple[str, ...],
    metrics_port: int | None,
    metrics_host: str,
    log_level: str,
    stun: tuple[str, ...],
    kit: Path | None,
    domain: str | None,
    **turn: Unpack[TurnFlags],
) -> None:
    """Run an edge: a meeting point for devices that are in different networks.

    It introduces them to each other, with sealed envelopes that only they can open. It never sees a file, a name or a
    code, and keeps nothing on disk. Two browsers that open it need nothing else; a computer at home joins with
    `qrshared run --edge https://its.address`.

    \b
    Put HTTPS in front of it; the proxy passes WebSockets on at /signal.
      GET /health   it runs            GET /ready   newcomers are welcome (else 503)
    Ctrl-C or SIGTERM sends everybody to another replica within 30 s; once more stops at once.

    With a relay (TURN) it hands out what opens that relay, for ten minutes, to any two who met here. Better tell your
    computer at home about the relay (the same flags on `qrshared run`): then only your own devices get it.
    """
    if kit is not None:
        _write_kit(kit, domain)
        return
    if domain is not None:
        raise DomainWithoutKit
    networks = [network for text in trusted_proxies for network in _networks(text)]
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("qrshared").setLevel(log_level.upper())
    # Late: the other commands need not wait until a web server is loaded.
    from qrshared.signaling import read_turn_config

    relay = read_turn_config(**turn, sources=sources_of(turn))
    asyncio.run(_serve(_Words(host, port, redis_url, networks, metrics_port, metrics_host, stun), relay))


def _networks(text: str) -> "Sequence[Network]":
    if text.strip().lower() == "private":
        from qrshared.serving.guard import PRIVATE_NETWORKS

        return PRIVATE_NETWORKS
    try:
        return [ipaddress.ip_network(text, strict=False)]
    except ValueError:
        raise click.BadParameter(
            f"{text} is no network; it looks like 10.0.0.0/8", param_hint="--trusted-proxy"
        ) from None


def _write_kit(folder: Path, domain: str | None) -> None:
    from qrshared.cli.kit import SAMPLE_DOMAIN, write_kit

    for file in write_kit(folder, domain):
        click.echo(file)
    if domain is None:
        click.echo(f"Now write your own name for {SAMPLE_DOMAIN} into {folder / '.env'} (DOMAIN=…); the name must "
                   "point to your server. With --domain NAME the kit is written with it.")  # fmt: skip
    if getattr(os, "getuid", lambda: None)() == 0:
        click.echo(f"These files belong to root, and so KIT_USER in {folder / '.env'} is 0:0: edge and relay run as "
                   "root in their containers. Better: run this command as another user, or give the folder to one "
                   "(chown -R) and write the numbers of `id -u` and `id -g` there.")  # fmt: skip
    click.echo(f"Everything else stands in {folder / 'README.md'}.")


async def _serve(words: _Words, relay: "TurnConfig | None") -> None:
    from aiohttp import ClientSession, DummyCookieJar

    from qrshared.signaling import EdgeServer, raise_descriptors, turn_source

    raise_descriptors()
    stop, stop_now = _signals()
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(_bus(words.redis_url))
        source = None
        if relay is not None:
            source = turn_source(relay, await stack.enter_async_context(ClientSession(cookie_jar=DummyCookieJar())))
        edge = EdgeServer(bus, trusted_proxies=words.networks, turn=source, stun=words.stun)
        server = await stack.enter_async_context(edge)
        chosen = await server.listen(host=words.host, port=words.port)
        if words.metrics_port is not None:
            measured = await server.listen_for_metrics(host=words.metrics_host, port=words.metrics_port)
            click.echo(f"Metrics are at {words.metrics_host}, port {measured}, path /metrics.")
        if source is not None:
            click.echo(f"Relays come from: {_PLACES[source.kind]}.")
        click.echo(f"The edge is at {_address(words.host, chosen)} - Ctrl-C stops it.")
        await stop.wait()
        if len(server.edge):
            click.echo(f"Sending {len(server.edge)} elsewhere; Ctrl-C again stops at once.")
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(server.drain())
            hurrying = tasks.create_task(stop_now.wait())
            await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
            hurrying.cancel()


def _address(host: str, port: int) -> str:
    """What a browser can open: where it listens on every address, the one that others in this network reach."""
    from qrshared.lan import candidates, choose

    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if ip.is_unspecified:
        ip = ipaddress.ip_address(choose(candidates()) or "127.0.0.1")
    return f"http://[{ip}]:{port}" if ip.version == 6 else f"http://{ip}:{port}"


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set by the first and by the second SIGTERM or Ctrl-C."""
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (stop_now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            asyncio.get_running_loop().add_signal_handler(number, told)
        except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt instead
            break
    return stop, stop_now


@asynccontextmanager
async def _bus(redis_url: str | None) -> "AsyncIterator[Bus]":
    clock = asyncio.get_running_loop().time
    node = secrets.token_urlsafe(9)  # a replica that starts again is another one
    if redis_url is None:
        from qrshared.signaling import MemoryBoard, MemoryBus

        yield MemoryBus(MemoryBoard(clock), node)
        return
    try:
        from qrshared.signaling.redis_bus import RedisBus
    except ModuleNotFoundError:
        raise RedisMissing from None
    try:
        bus = RedisBus(redis_url, node=node, clock=clock)
    except ValueError:
        raise BadRedis from None
    async with bus:
        yield bus
