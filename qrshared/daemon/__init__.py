"""The always-on process: builds every part from the settings, starts them in order and stops them in reverse.

Always true here:
- `compose.py` and the steps it names (`ground`, `furnishing`, `home_door`) alone build parts, and `wiring.py` alone
  says who is told of what; every other module gets plain arguments;
- one daemon a data folder and one an inbox; a second one says where the first runs;
- whoever enrolls is on the disk before being told so; whatever ends is told before its link closes;
- a setting that changes takes effect in all its parts and is written down, or changes nothing and is refused;
- what only the owner can say is asked in the terminal, on the owner page and on the desktop at once, and the first word
  counts; without a word nothing that needs one comes in, and no code is shown;
- when it stops, parts are kept, peers hear `restarting`, mDNS says goodbye.

Deliberately absent: words for the terminal (cli), rules of any protocol (protocol, transfers, tickets, seal), how
doctor looks (cli/checks; it is handed in).
"""

from qrshared.daemon.events import AddressChanged, Asked, Landed, Moved, Problem, Ready, RunEvent
from qrshared.daemon.run import run

__all__ = ["AddressChanged", "Asked", "Landed", "Moved", "Problem", "Ready", "RunEvent", "run"]
