"""What a machine's daemon sends to a browser on the same machine: the interface itself counts both directions."""

import re

from tests.namespaces import Host

_HEADER_BYTES = 52
"""IPv4 20, TCP 20 with 12 of timestamps: nftables counts them with each packet."""


class Loopback(Host):
    """The machine as it talks with itself."""

    @classmethod
    def of(cls, host: Host, port: int) -> "Loopback":
        """Count from now on what this port of the machine sends."""
        made = cls(host.namespace, "127.0.0.1", "lo")
        # A busy browser answers later than loopback's round trip lets expect, and then the kernel probes with 64 KiB
        # that it sent before: 1.3 % of what passes (419 of 2 GiB's segments, 434 TCPLossProbes, 419 DSACKs).
        made.run("sysctl", "-qw", "net.ipv4.tcp_early_retrans=0")
        made.run("nft", "add", "table", "inet", "counted")
        made.run("nft", "add", "chain", "inet", "counted", "out", "{ type filter hook output priority 0; }")
        made.run("nft", "add", "rule", "inet", "counted", "out", "oifname", "lo", "tcp", "sport", str(port), "counter")
        return made

    def sent_bytes(self) -> int:
        """Content of TCP from that port so far, repetitions counted again."""
        found = re.search(r"packets (\d+) bytes (\d+)", self.run("nft", "list", "chain", "inet", "counted", "out"))
        assert found is not None
        return int(found[2]) - _HEADER_BYTES * int(found[1])
