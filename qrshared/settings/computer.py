"""What phones call this computer when nobody chose a name."""

import re
import socket
from pathlib import Path

from qrshared.settings.values import NAME_CHARACTERS_MAX, read_name

_SPELLINGS = {"pc": "PC", "nas": "NAS", "tv": "TV", "imac": "iMac", "macbook": "MacBook", "raspberrypi": "Raspberry Pi"}


def computer_name(host_name: str | None = None, machine_info: Path = Path("/etc/machine-info")) -> str:
    """A name people recognise: the pretty one if the owner set one, else the host name without its domain."""
    pretty = _pretty_hostname(machine_info) if host_name is None else ""
    label = (host_name if host_name is not None else socket.gethostname()).split(".")[0]
    if not pretty:
        # Windows shouts its names (STUDY-PC) and people know them that way; others are written like words.
        parts = [label] if label.isupper() else re.split(r"[-_ ]+", label)
        pretty = " ".join(_SPELLINGS.get(part.lower(), part[:1].upper() + part[1:]) for part in parts if part)
    if pretty.lower() in {"", "localhost"}:
        pretty = "This computer"
    return read_name(pretty[:NAME_CHARACTERS_MAX]) if pretty.isprintable() else "This computer"


def _pretty_hostname(machine_info: Path) -> str:
    """PRETTY_HOSTNAME of machine-info(5), which the "computer name" field of desktops writes."""
    try:
        lines = machine_info.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    values = [line.partition("=")[2].strip() for line in lines if line.startswith("PRETTY_HOSTNAME=")]
    return values[-1].strip("\"'").strip() if values else ""
