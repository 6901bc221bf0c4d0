"""Which of two sessions of one device lives on (`WIRE.md` 3.1)."""

from enum import StrEnum

from qrshared.protocol import PREEMPT_SILENCE_S


class Verdict(StrEnum):
    """What becomes of a device's second session."""

    REPLACES = "replaces"  # the old one is closed, the new one lives
    WAITS = "waits"  # the new one gets `goodbye another_tab`


def settle(
    *, live_instance: int, live_heard_at: float, live_is_idle: bool, new_instance: int, new_gave_way: bool, now: float
) -> Verdict:
    """The same page load always replaces its own old link; another one a link that has fallen silent.

    A page load that comes for the first time also replaces an idle one: whoever scans again looks at the new page.
    One that gave way before (`new_gave_way`) does not, or two idle tabs would throw each other out for ever.
    """
    if new_instance == live_instance or now - live_heard_at >= PREEMPT_SILENCE_S:
        return Verdict.REPLACES
    return Verdict.REPLACES if live_is_idle and not new_gave_way else Verdict.WAITS
