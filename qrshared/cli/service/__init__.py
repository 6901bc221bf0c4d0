"""Sets qrshared up to start by itself: a systemd user unit, a launchd agent, or a Windows logon task.

Invariants: what may refuse is asked before anything changes; the service survives logout, reboot and the deletion of
the clone it was installed from; installing again is how one updates; removing never touches the inbox, and deletes the
data folder only when told to and only if qrshared made it. The makers of units are pure; what runs commands gets a
runner, so that every step can be tested without a service manager.
Deliberately absent: root. Nothing here needs it; where the system does, the one command is printed.
"""

from qrshared.cli.service.errors import (
    CopyFailed,
    DidNotStart,
    LingerRefused,
    NoSystemd,
    StepFailed,
    StillRunning,
    SystemdSilent,
)
from qrshared.cli.service.firewall import Advice, firewall_advice
from qrshared.cli.service.running import Ran, Run, run_program
from qrshared.cli.service.setup import Plan, install, plan, remove, status
from qrshared.cli.service.state import ServiceState

__all__ = [
    "Advice",
    "CopyFailed",
    "DidNotStart",
    "LingerRefused",
    "NoSystemd",
    "Plan",
    "Ran",
    "Run",
    "ServiceState",
    "StepFailed",
    "StillRunning",
    "SystemdSilent",
    "firewall_advice",
    "install",
    "plan",
    "remove",
    "run_program",
    "status",
]
