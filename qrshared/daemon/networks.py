"""Which networks the owner has agreed to: elsewhere walls show no code and mDNS is silent, until they say so."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Final

from qrshared.daemon.store import Store, StoreDamaged
from qrshared.lan import Network
from qrshared.protocol import NetworkFacts

log = logging.getLogger(__name__)

NETWORKS_MAX: Final = 64
"""Networks that are remembered; the one that was not seen for longest is forgotten first."""

FIRST_S: Final = 60.0
"""At the very first start a network may still be coming up: the one that is there after a minute is the first."""

_FORMAT: Final = 1


class Networks:
    """Remembers networks by what tells them apart; the very first one needs no word."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: list[Network] = []  # the last seen at the end
        self._here: Network | None = None
        self._first_until = float("-inf")
        self.trusted: Callable[[], None] = lambda: None
        """Called when the owner has agreed to a network; the daemon sets it."""
        try:
            document = store.load()
        except StoreDamaged as fault:
            log.warning("each network is new: %s", fault)
            return
        if document is None:
            self._first_until = clock() + FIRST_S
            return
        known = _read(document)
        if known is None:
            log.warning("each network is new: the list of known ones was written by another version")
        self._known = known or []

    @property
    def here(self) -> Network | None:
        """The network we are in."""
        return self._here

    @property
    def is_known(self) -> bool:
        """Whether codes may be shown here. Without any network there is nobody to show them to, and nothing to hide."""
        return self._here is None or self._record_of(self._here) is not None

    @property
    def is_settled(self) -> bool:
        """Whether it is certain what network this is: a router that we know has not answered yet, if not."""
        here = self._here
        return here is None or here.gateway_mac is not None or not any(_is_alike(here, one) for one in self._known)

    def facts(self) -> NetworkFacts | None:
        """For `status` and the owner page."""
        return None if self._here is None else NetworkFacts(self._here.name, self.is_known)

    def knows(self, network: Network) -> bool:
        """Whether the owner has agreed to this one: a computer may be in several at once."""
        return self._record_of(network) is not None

    async def look(self, here: Network | None, beside: Sequence[Network] = ()) -> bool:
        """We are in this network now, and in those `beside` it by other interfaces.

        True if codes may be shown and could not before, or the other way round.
        """
        before = self.is_known
        self._here = here
        if here is None:
            return before != self.is_known
        if self._clock() < self._first_until:
            self._known = [*(one for one in beside if one != here), here][-NETWORKS_MAX:]
            await self._save()
        elif (record := self._record_of(here)) is not None and (record != here or self._known[-1] != record):
            # It has learnt its router's address, say, or was not the last one seen.
            self._keep(record, replace(here, gateway_mac=here.gateway_mac or record.gateway_mac))
            await self._save()
        return before != self.is_known

    async def trust(self) -> bool:
        """The owner agrees to the network we are in, from now on; False if there is none."""
        if self._here is None:
            return False
        self._keep(self._record_of(self._here), self._here)
        await self._save()
        self.trusted()
        return True

    def _keep(self, record: Network | None, network: Network) -> None:
        if record is not None:
            self._known.remove(record)
        self._known = [*self._known, network][-NETWORKS_MAX:]

    def _record_of(self, here: Network) -> Network | None:
        return next((one for one in reversed(self._known) if _is_same(here, one)), None)

    async def _save(self) -> None:
        try:
            await self._store.save({"format": _FORMAT, "networks": [asdict(one) for one in self._known]})
        except OSError as fault:
            log.warning("known networks could not be written down: %s", fault.strerror)


def _is_same(here: Network, known: Network) -> bool:
    """A router's hardware address and the range tell; without a router the interface, the range and the Wi-Fi's name.

    A router that has not answered is nobody, unless it never has.
    """
    if here.gateway is None or known.gateway_mac is None:
        return _is_alike(here, known)
    return (here.gateway_mac, here.prefix) == (known.gateway_mac, known.prefix)


def _is_alike(here: Network, known: Network) -> bool:
    """As far as it goes without the router's hardware address."""
    return (here.gateway, here.interface, here.prefix, here.ssid) == (
        known.gateway, known.interface, known.prefix, known.ssid,
    )  # fmt: skip


def _read(document: object) -> list[Network] | None:
    """What `_save` wrote; None if it was not written by us."""
    rows = document.get("networks") if isinstance(document, dict) and document.get("format") == _FORMAT else None
    if not isinstance(rows, list):
        return None
    found = [_network(row) for row in rows[-NETWORKS_MAX:]]
    return [one for one in found if one is not None]


def _network(row: object) -> Network | None:
    if not isinstance(row, dict):
        return None
    interface, prefix = row.get("interface"), row.get("prefix")
    if not isinstance(interface, str) or not isinstance(prefix, str):
        return None
    gateway, mac, ssid = (_text(row.get(name)) for name in ("gateway", "gateway_mac", "ssid"))
    return Network(interface, prefix, gateway, mac, ssid)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
