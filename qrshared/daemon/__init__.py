"""The always-on process: builds every part from the settings, starts them in order and stops them in reverse.

Always true here:
- `compose.py` alone knows how the parts fit; every other module gets plain arguments;
- one daemon a data folder and one an inbox; a second one says where the first runs;
- whoever enrolls is on the disk before being told so; whatever ends is told before its link closes;
- when it stops, parts are kept, peers hear `restarting`, mDNS says goodbye.

Deliberately absent: words for the terminal (cli), rules of any protocol (protocol, transfers, tickets, seal).
"""

from qrshared.daemon.events import AddressChanged, Asked, Landed, Moved, Problem, Ready, RunEvent
from qrshared.daemon.run import run

__all__ = ["AddressChanged", "Asked", "Landed", "Moved", "Problem", "Ready", "RunEvent", "run"]
