"""The port of a daemon that may choose one: kept in the data folder, so that printed codes stay good."""

import os
from pathlib import Path

from qrshared.lan import LanServer, PortInUse


class KeptPort:
    """Remembers the port that `--port 0` found."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "port"

    async def listen(self, server: LanServer, *, host: str | None, port: int) -> int:
        """Listen on `port`; for 0 on the one of last time, or another free one if that is taken."""
        if port:
            return await server.listen(host=host, port=port)
        kept = self._read()
        if kept is not None:
            try:
                return await server.listen(host=host, port=kept)
            except PortInUse:
                pass  # somebody else has it by now: another one then
        found = await server.listen(host=host, port=0)
        self._write(found)
        return found

    def _read(self) -> int | None:
        try:
            text = self._path.read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        return int(text) if text.isdigit() and 0 < int(text) < 65_536 else None

    def _write(self, port: int) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{port}\n")
