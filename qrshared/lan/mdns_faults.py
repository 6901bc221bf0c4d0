"""What the mDNS library meets on the wire, told calmly: a plug that was pulled is no warning with a traceback."""

import logging
from typing import Final

_log = logging.getLogger(__name__)

LIBRARY_LOGGER: Final = "zeroconf"

# What the library says of an address that has just gone, without the error itself.
_ABOUT_ADDRESSES: Final = ("Address not available when binding", "Interface ")


class CalmFaults(logging.Filter):
    """On the library's logger: what the system says of sockets becomes one line at debug.

    Whether it lasts is ours to say (`Advertiser`). All else that the library warns of is told as it is.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what has been told here."""
        fault = _fault_in(record)
        if fault is None and not record.getMessage().startswith(_ABOUT_ADDRESSES):
            return True
        _log.debug("mDNS: %s", record.getMessage() if fault is None else fault.strerror or fault)
        return False


def _fault_in(record: logging.LogRecord) -> OSError | None:
    raised = record.exc_info[1] if record.exc_info else None
    said = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in (raised, *said) if isinstance(one, OSError)), None)
