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
from qrshared.lan.hearing import check_reach
from qrshared.lan.mdns_faults import LIBRARY_LOGGER, CalmFaults

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


class NamesTaken(Exception):
    """Every name like ours belongs to another computer."""


class Advertiser:
    """`async with Advertiser(...) as advertiser: await advertiser.follow(addresses)`; leaving says goodbye.

    Called again with the same addresses, now and then, it looks whether it is heard still, and begins anew if not: a
    plug is out for less time than anybody notices, and an address that goes and comes back has taken the sockets along.
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
        self._is_lost = False  # has not been heard at the last look, though there are addresses
        self._is_told = False  # a person has been told so
        self._gives_way = False  # to others of the same name, as long as we stay in this network
        self._calm = CalmFaults()
        self._one_at_a_time = asyncio.Lock()

    @property
    def local_name(self) -> str | None:
        """The name a browser may use, such as `qrshare.local`; None while nothing is advertised."""
        return f"{self._host}.local" if self._host is not None and self._services else None

    def rename(self, name: str) -> None:
        """Others list us under this name after the next `follow`."""
        self._name = instance_name(name)

    async def __aenter__(self) -> Self:
        logging.getLogger(LIBRARY_LOGGER).addFilter(self._calm)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()
        logging.getLogger(LIBRARY_LOGGER).removeFilter(self._calm)

    async def follow(self, addresses: Sequence[str]) -> None:
        """Be heard on exactly these addresses from now on; takes about 3 s where something changes."""
        async with self._one_at_a_time:
            wanted = sorted(addresses)
            is_elsewhere = wanted != self._addresses
            if is_elsewhere:
                self._gives_way = self._is_lost = self._is_told = False
            if not is_elsewhere and (not wanted or self._gives_way):
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
                await (self._move() if is_elsewhere or not self._services else self._look())
            except NamesTaken:
                self._gives_way = True
                _log.warning(
                    "%d names like %s.local are taken; the QR works all the same", HOST_NAMES_MAX, self._host_label
                )
                await self._leave()
            except (OSError, ZeroconfError, TimeoutError) as fault:
                self._lose(fault)
                await self._leave(goodbye=False)

    def _lose(self, fault: Exception) -> None:
        """A plug pulled is nothing to be told of; a network that does not carry mDNS for longer is, once."""
        if not self._is_lost:
            _log.info("not heard by name for the moment (%s)", fault)
        elif not self._is_told:
            self._is_told = True
            _log.warning("this network does not carry mDNS (%s); the QR works all the same", fault)
        self._is_lost = True

    async def _look(self) -> None:
        check_reach(self._addresses)
        if self._zeroconf is not None:  # an address that was away for a moment has lost its socket
            await self._zeroconf.async_update_interfaces(interfaces=list(self._addresses))

    async def _move(self) -> None:
        check_reach(self._addresses)
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
        check_reach(self._addresses)  # it may have gone in these seconds, and the library would not say so
        self._is_lost = self._is_told = False
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
        raise NamesTaken

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
