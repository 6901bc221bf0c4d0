"""Our own faults are logged once and answered without detail; the noise that peers and the system make is kept down."""

import logging
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

_log = logging.getLogger(__name__)

ACCEPT_NOTICE_S: Final = 60.0
"""asyncio says that descriptors have run out up to a hundred times a second; we let it say so once in this time."""

SILENT_LOGGER: Final = logging.getLogger("qrshared.serving.aiohttp")
"""For aiohttp itself: it logs each malformed request with its bytes and the peer's full address."""
SILENT_LOGGER.propagate = False
SILENT_LOGGER.disabled = True


@web.middleware
async def catch_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The border where a fault of ours ends: the peer learns only that there was one."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - whatever a handler lets through ends one request and not the daemon
        _log.exception("a fault while answering %s", request.match_info.route.resource or "an unknown path")
        return web.Response(status=500, text="Something went wrong in qrshared; its log says what.\n")


class AcceptNotices(logging.Filter):
    """On the `asyncio` logger: lets one notice of exhausted descriptors through at a time, without its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is logged."""
        if "out of system resource" not in record.getMessage():
            return True
        if record.created < self._silent_until:
            return False
        self._silent_until = record.created + ACCEPT_NOTICE_S
        record.msg, record.args = "socket.accept() out of system resource; accepting goes on when some are free", None
        record.exc_info = None
        return True
