"""aiohttp's server as both of ours run it: bodies stay as they came, lines have a limit, and it logs nothing itself."""

from aiohttp import web

from qrshared.serving.accept import Gate
from qrshared.serving.faults import SILENT_LOGGER
from qrshared.serving.limits import HEADER_BYTES_MAX, LINGER_S


def make_runner(app: web.Application, gate: Gate, *, shutdown_timeout_s: float) -> web.AppRunner:
    """Not set up yet; `gate` still has to wrap what accepts."""
    return web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,  # on by default (3 MB became 2 GB); the guard refuses such bodies too
        handle_signals=False,
        keepalive_timeout=gate.caps.idle_keep_alive_s,
        lingering_time=LINGER_S,
        logger=SILENT_LOGGER,
        max_field_size=HEADER_BYTES_MAX,
        max_line_size=HEADER_BYTES_MAX,
        shutdown_timeout=shutdown_timeout_s,
    )
