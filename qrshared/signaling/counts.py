"""What the edge counts, and how Prometheus reads it: fixed labels only, never an id or an address."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_PREFIX = "qrshared_edge"


@dataclass
class Counts:
    """Sums since the start. The keys are words of this code, never of a peer."""

    heard: Counter[str] = field(default_factory=Counter)
    """Messages of peers, by kind."""
    relayed_bytes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Refusals, by reason."""
    turned_away: Counter[str] = field(default_factory=Counter)
    """Visits that got no socket, by limit."""
    cut: Counter[str] = field(default_factory=Counter)
    """Sockets dropped, by reason."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Envelopes and words that reached nobody, by reason."""
    bus_faults: int = 0
    turn_minted: int = 0
    """Relays handed out."""


def prometheus_text(counts: Counts, gauges: Mapping[str, float]) -> str:
    """The text format, version 0.0.4. A gauge's name may carry labels."""
    return "".join(f"{line}\n" for line in (*_sums(counts), *_gauges(gauges)))


def _sums(counts: Counts) -> Iterator[str]:
    tables = (
        ("messages", "kind", counts.heard),
        ("refusals", "reason", counts.refused),
        ("turned_away", "limit", counts.turned_away),
        ("cut", "reason", counts.cut),
        ("dropped", "reason", counts.dropped),
    )
    for name, label, table in tables:
        yield f"# TYPE {_PREFIX}_{name}_total counter"
        yield from (f'{_PREFIX}_{name}_total{{{label}="{word}"}} {count}' for word, count in sorted(table.items()))
    sums = {"relayed_bytes": counts.relayed_bytes, "bus_faults": counts.bus_faults, "turn_minted": counts.turn_minted}
    for name, number in sums.items():
        yield f"# TYPE {_PREFIX}_{name}_total counter"
        yield f"{_PREFIX}_{name}_total {number}"


def _gauges(gauges: Mapping[str, float]) -> Iterator[str]:
    typed: set[str] = set()
    for name, number in gauges.items():
        bare = name.partition("{")[0]
        if bare not in typed:
            typed.add(bare)
            yield f"# TYPE {_PREFIX}_{bare} gauge"
        yield f"{_PREFIX}_{name} {number:g}"
