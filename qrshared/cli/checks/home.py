"""The home part as a whole: for `qrshared doctor`, and in short under the code of a first start."""

from collections.abc import Callable, Sequence

from qrshared.cli.checks.addresses import examine_addresses
from qrshared.cli.checks.computer import examine_computer
from qrshared.cli.checks.network import examine_network
from qrshared.cli.checks.storage import examine_storage
from qrshared.cli.checks.surroundings import Surroundings, look_around
from qrshared.cli.service import Run, run_program
from qrshared.protocol import StatusFacts
from qrshared.remote.checkup import Finding
from qrshared.settings import Loaded

PARTS: Sequence[Callable[[Surroundings], list[Finding]]] = (
    examine_addresses,
    examine_network,
    examine_storage,
    examine_computer,
)


def home_findings(loaded: Loaded, status: StatusFacts | None, *, run: Run = run_program) -> list[Finding]:
    """Everything at home, in the order of the way that a file takes. Blocks: call it in a thread."""
    around = look_around(loaded, status, run)
    return [finding for examine in PARTS for finding in examine(around)]
