"""Looks whether phones at home can reach this computer and files can land: the home part of `qrshared doctor`.

Invariants: nothing is changed (a throw-away file in the inbox is removed again), nothing is sent out of this computer
but one question by mDNS; each finding says what was seen, and where it is not well the command to type; everything here
blocks for a few seconds at most and is meant for a thread.
Deliberately absent: use away from home (`remote/checkup`), repairs. What only macOS and Windows do was never run there.
"""

from qrshared.cli.checks.home import home_findings

__all__ = ["home_findings"]
