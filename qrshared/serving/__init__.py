"""What both HTTP servers need: who may connect for how long, which requests are let in, the built page.

Always true here:
- no peer holds a socket longer than the deadlines in `LIMITS`, and no address more sockets than its share;
- a request passes the guard before anything looks at it; the guard decides by exact lists, never by "it is localhost";
- only what the build enumerated is served; a path is a key in a table and never touches the disk.

Deliberately absent: cookies, CORS grants, request bodies, forwarded-for headers, directory listings.
"""

from qrshared.serving.accept import Gate, GateCounts, Socket
from qrshared.serving.faults import AcceptNotices, catch_faults
from qrshared.serving.guard import (
    Admission,
    Pass,
    Redirect,
    Refuse,
    RequestFacts,
    guard_middleware,
    is_loopback,
    is_near,
    judge,
)
from qrshared.serving.headers import secure_responses
from qrshared.serving.limits import LIMITS, Caps, FailedHandshakes, Limit, address_key
from qrshared.serving.page import BuiltPage, PageAt, add_page_routes
from qrshared.serving.runner import make_runner

__all__ = [
    "LIMITS",
    "AcceptNotices",
    "Admission",
    "BuiltPage",
    "Caps",
    "FailedHandshakes",
    "Gate",
    "GateCounts",
    "Limit",
    "PageAt",
    "Pass",
    "Redirect",
    "Refuse",
    "RequestFacts",
    "Socket",
    "add_page_routes",
    "address_key",
    "catch_faults",
    "guard_middleware",
    "is_loopback",
    "is_near",
    "judge",
    "make_runner",
    "secure_responses",
]
