"""Advertises the daemon on the home network: `_qrshared._tcp`, `_http._tcp`, and a host name of its own."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion
from zeroconf._services.info import AddressResolverIPv4  # public, though its package lists it nowhere for type checkers
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from qrshared.lan.addresses import Candidate

_log = logging.getLogger(__name__)

SERVICE_TYPES: Final = ("_qrshared._tcp.local.", "_http._tcp.local.")
HOST_LABEL: Final = "qrshare"
"""Never the computer's own host name: another A record for it makes avahi rename the computer."""

PROBE_MS: Final = 800
"""How long others may take to say that a host name is theirs (RFC 6762 8.1: three probes, 250 ms apart)."""

GOODBYE_S: Final = 3.0
"""How long leaving may take."""

HOST_NAMES_MAX: Final = 20
"""How many suffixes are tried before the network is left in peace."""

_INSTANCE_BYTES_MAX = 63 - 3  # a DNS label, less a suffix of its own like "-12"


def instance_name(display_name: str) -> str:
    """The computer's name as one DNS label: zeroconf splits at dots, so they become spaces."""
    printable = "".join(c if c.isprintable() and c != "." else " " for c in display_name)
    label = " ".join(printable.split()).encode()[:_INSTANCE_BYTES_MAX].decode(errors="ignore").strip()
    return label or HOST_LABEL


def advertised_addresses(found: Sequence[Candidate]) -> list[str]:
    """Where a phone may hear us: the IPv4 addresses of the LAN, never a tunnel's or a container network's."""
    return [candidate.address for candidate in found if candidate.is_lan and candidate.is_ipv4]


class Advertiser:
    """`async with Advertiser(...) as advertiser: await advertiser.follow(addresses)`; leaving says goodbye.

    Without an address or without multicast it says so in the log and tries again when the addresses change.
    """

    def __init__(self, *, name: str, port: int, host_label: str = HOST_LABEL) -> None:
        self._name = instance_name(name)
        self._said: str | None = None
        self._port = port
        self._host_label = host_label
        self._zeroconf: AsyncZeroconf | None = None
        self._services: list[AsyncServiceInfo] = []
        self._addresses: list[str] = []
        self._had: set[str] = set()  # every address that was ours: caches name them for two minutes more
        self._host: str | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def local_name(self) -> str | None:
        """The name a browser may use, such as `qrshare.local`; None while nothing is advertised."""
        return f"{self._host}.local" if self._host is not None and self._services else None

    def rename(self, name: str) -> None:
        """Others list us under this name after the next `follow`."""
        self._name = instance_name(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def follow(self, addresses: Sequence[str]) -> None:
        """Be heard on exactly these addresses from now on; takes about 3 s where something changes."""
        async with self._one_at_a_time:
            wanted = sorted(addresses)
            if wanted == self._addresses and (self._name == self._said if self._services else not wanted):
                return
            if self._services and self._name != self._said:
                await self._leave()  # under the old name
            self._addresses = wanted
            self._had.update(wanted)
            if not wanted:
                _log.info("no home network: nothing to advertise on")
                # Without a word: the addresses may be the same as at home, and a goodbye would name us to a café.
                await self._leave(goodbye=False)
                return
            try:
                await self._move()
            except (OSError, ZeroconfError, TimeoutError) as fault:
                _log.warning("this network does not carry mDNS (%s); the QR works all the same", fault)
                await self._leave()

    async def _move(self) -> None:
        if self._zeroconf is None:
            self._zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only, interfaces=list(self._addresses))
        else:
            await self._zeroconf.async_update_interfaces(interfaces=list(self._addresses))
        host = await self._free_host(self._zeroconf)
        if self._services and host == self._host:
            await self._announce_again(self._zeroconf)
        else:
            await self._register(self._zeroconf, host)
        await self._settle_a_tie(self._zeroconf)
        _log.info("advertised as %s on %d address(es)", self.local_name, len(self._addresses))

    async def _register(self, zeroconf: AsyncZeroconf, host: str) -> None:
        await zeroconf.async_unregister_all_services()
        self._host = host
        self._said = self._name
        services = [
            AsyncServiceInfo(
                kind,
                f"{self._name}.{kind}",
                parsed_addresses=self._addresses,
                port=self._port,
                properties={"v": "1", "path": "/"},
                server=f"{host}.local.",
            )
            for kind in SERVICE_TYPES
        ]
        # each takes 1.6 s to probe, so both at once
        for sent in await asyncio.gather(
            *(zeroconf.async_register_service(service, allow_name_change=True) for service in services)
        ):
            await sent
        self._services = services

    async def _announce_again(self, zeroconf: AsyncZeroconf) -> None:
        for service in self._services:
            service.addresses = [socket.inet_aton(address) for address in self._addresses]
        for sent in await asyncio.gather(*(zeroconf.async_update_service(service) for service in self._services)):
            await sent

    async def _free_host(self, zeroconf: AsyncZeroconf, *, first: int = 1) -> str:
        """A host name nobody else answers to. zeroconf probes instance names only; we probe this one."""
        for number in range(first, HOST_NAMES_MAX + 1):
            host = self._host_label if number == 1 else f"{self._host_label}-{number}"
            if not await self._others(zeroconf, host):
                return host
            _log.info("%s.local belongs to another computer", host)
        raise TimeoutError(f"{HOST_NAMES_MAX} names like {self._host_label}.local are taken")

    async def _settle_a_tie(self, zeroconf: AsyncZeroconf) -> None:
        """Two that started together both found the name free: the lower address keeps it (as in RFC 6762 8.2)."""
        if self._host is None:
            return
        others = await self._others(zeroconf, self._host)
        if others and min(map(socket.inet_aton, self._addresses)) > min(map(socket.inet_aton, others)):
            await self._register(zeroconf, await self._free_host(zeroconf))

    async def _others(self, zeroconf: AsyncZeroconf, host: str) -> set[str]:
        resolver = AddressResolverIPv4(f"{host}.local.")
        found = await resolver.async_request(zeroconf.zeroconf, PROBE_MS)
        return set(resolver.parsed_addresses()) - self._had if found else set()

    async def _leave(self, *, goodbye: bool = True) -> None:
        zeroconf, self._zeroconf = self._zeroconf, None
        services, self._services = self._services, []
        self._host = None
        if zeroconf is None:
            return
        try:
            if not goodbye:
                zeroconf.zeroconf.registry.async_remove(list(services))  # closing says goodbye for what is left in it
            async with asyncio.timeout(GOODBYE_S):
                await zeroconf.async_unregister_all_services()
        except (OSError, ZeroconfError, TimeoutError) as fault:
            _log.info("could not say goodbye (%s)", fault)
        finally:
            await zeroconf.async_close()
