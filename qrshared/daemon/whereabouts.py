"""Where this computer can be reached now: its ranked addresses, its port, and the URLs made of them."""

from collections.abc import Sequence

from qrshared.lan import Candidate, admission_for, choose, host_in_url
from qrshared.protocol import AddressFacts
from qrshared.serving import Admission


class Whereabouts:
    """Follows the addresses; everything that shows one asks here, each time anew."""

    def __init__(self, *, host: str | None, public_host: str | None, edge: str | None = None) -> None:
        """`edge`: where this computer is reached from other networks, such as `https://share.example.org`."""
        self._host = host
        self._edge = edge
        self._public_host = public_host
        self._found: Sequence[Candidate] = ()
        self._local_name: str | None = None
        self.port = 0

    def move(self, found: Sequence[Candidate]) -> bool:
        """These are our addresses now; True if the one that codes carry has changed."""
        before, self._found = self.address, found
        return before != self.address

    def call(self, local_name: str | None) -> bool:
        """mDNS knows us by this name now; True if that is news."""
        before, self._local_name = self._local_name, local_name
        return before != local_name

    def reach_at(self, edge: str | None) -> None:
        """Where this computer is reached from other networks, from now on."""
        self._edge = edge

    @property
    def address(self) -> str | None:
        """The address that codes carry; None without a network."""
        return choose(self._found, host=self._host)

    @property
    def local_name(self) -> str | None:
        """Our name on the home network, such as `qrshare.local`."""
        return self._local_name

    @property
    def admission(self) -> Admission:
        """Whom to answer now."""
        return admission_for(
            self._found,
            port=self.port,
            host=self._host,
            local_name=self._local_name,
            public_host=self._public_host,
        )

    def code_url(self, fragment: str) -> str:
        """What a QR carries. Without a network it is this computer's own address: better than a code that lies."""
        return f"http://{self._authority(self.address or '127.0.0.1')}/p#{fragment}"

    def away_url(self, fragment: str) -> str | None:
        """What a QR carries that works in any network; None without an edge."""
        return None if self._edge is None else f"{self._edge}/p#{fragment}"

    def owner_url(self, fragment: str) -> str:
        """The owner page, on this computer only."""
        return f"http://{self._authority('127.0.0.1')}/owner#{fragment}"

    def urls(self) -> tuple[str, ...]:
        """Every address of the wall, the best first, this computer's own last."""
        best = [self.address] if self.address is not None else []
        addresses = dict.fromkeys([*best, "127.0.0.1"])  # the best one may be this computer's own: --host 127.0.0.1
        return tuple(f"http://{self._authority(address)}/" for address in addresses)

    def spoken(self) -> tuple[str, ...]:
        """Addresses to read aloud and type: without scheme."""
        best = [self._authority(self.address)] if self.address is not None else []
        return (*best, *([f"{self._local_name}:{self.port}"] if self._local_name else []))

    def facts(self) -> tuple[AddressFacts, ...]:
        """All candidates and why they rank as they do, the one that codes carry first."""
        found = [AddressFacts(one.address, one.interface, one.score, "; ".join(one.why)) for one in self._found]
        carried = [one for one in found if one.address == self.address]
        if self.address is not None and not carried:
            carried = [AddressFacts(self.address, "--host", 0, "chosen by the owner")]
        return (*carried, *(one for one in found if one.address != self.address))

    def _authority(self, address: str) -> str:
        return f"{host_in_url(address)}:{self.port}"
