"""What a person sees who opens the edge: what it is, and that there is nothing to do here."""

import hashlib
from typing import Final

from qrshared.serving import BuiltPage
from qrshared.serving.page import Asset

_HTML: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>qrshared</title>
<h1>This is a meeting point for qrshared.</h1>
<p>It introduces devices to each other that are in different networks. It never sees a file, a name or a code.</p>
<p>There is nothing to do on this page. To send files, scan the code that the receiving computer shows.</p>
</html>
"""


def edge_page() -> BuiltPage:
    """The same sentence at `/` and `/p`: the built page would look for a computer here, and there is none."""
    asset = Asset(
        body=_HTML,
        content_type="text/html; charset=utf-8",
        etag=hashlib.sha256(_HTML).hexdigest()[:32],
        cache_control="no-cache",
    )
    return BuiltPage({"/": asset, "/p": asset})
