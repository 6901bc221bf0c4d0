"""Which of two sessions of one device lives on (`WIRE.md` 3.1)."""

from enum import StrEnum

from qrshared.protocol import PREEMPT_SILENCE_S


class Verdict(StrEnum):
    """What becomes of a device's second session."""

    REPLACES = "replaces"  # the old one is closed, the new one lives
    WAITS = "waits"  # the new one gets `goodbye another_tab`


def settle(*, live_instance: int, live_heard_at: float, new_instance: int, now: float) -> Verdict:
    """The same page load always replaces its own old link; another one only a link that has fallen silent."""
    if new_instance == live_instance or now - live_heard_at >= PREEMPT_SILENCE_S:
        return Verdict.REPLACES
    return Verdict.WAITS
