"""What all checks of the home part are told: settings, the daemon's own word, addresses and routes, read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from qrshared.cli.service import Run
from qrshared.lan import Candidate, choose
from qrshared.lan.addresses import Routes, candidates, read_routes
from qrshared.lan.checks import Kind, kind_of
from qrshared.protocol import StatusFacts
from qrshared.settings import Loaded, Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """This computer as it is now."""

    loaded: Loaded
    status: StatusFacts | None
    """What the running daemon says; None when there is none."""
    found: Sequence[Candidate]
    routes: Routes
    run: Run

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @property
    def address(self) -> str | None:
        """What codes carry: the daemon knows, else as it would choose. None without a network."""
        if self.status is None:
            return choose(self.found, host=self.settings.host)
        return self.status.addresses[0].address if self.status.addresses else None

    @property
    def port(self) -> int:
        """0: nobody knows before qrshared starts."""
        if self.status is not None and self.status.urls:
            return urlsplit(self.status.urls[0]).port or 80
        return self.settings.port

    @property
    def chosen(self) -> Candidate | None:
        """The address of codes, if it is one of this computer's."""
        return next((each for each in self.found if each.address == self.address), None)

    @property
    def at_home(self) -> Candidate | None:
        """The same, if it is on a network where a phone may be."""
        chosen = self.chosen
        return chosen if chosen is not None and kind_of(chosen) in {Kind.HOME, Kind.PUBLIC} else None


def look_around(loaded: Loaded, status: StatusFacts | None, run: Run) -> Surroundings:
    """As of now."""
    return Surroundings(loaded, status, candidates(), read_routes(), run)
