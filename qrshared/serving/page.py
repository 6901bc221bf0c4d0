"""The built page, held in memory: only what the build made can be asked for, and no path touches the disk."""

import hashlib
import logging
import mimetypes
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

_log = logging.getLogger(__name__)

PAGE_PATHS: Final = ("/", "/p", "/owner")
"""All three are the same HTML; its script looks at the path."""


class PageAt(Enum):
    """Who serves the page. Its HTML says so, and its script asks that: an address shows neither."""

    HOME = "home"
    EDGE = "edge"


_PATHS_OF: Final = {PageAt.HOME: PAGE_PATHS, PageAt.EDGE: ("/", "/p")}
_PLACE: Final = b'<meta name="qrshared" content="home">'

SERVICE_WORKER_PATH: Final = "/sw.js"
"""At the top, so that its scope may be any folder; never kept, so that a new program is heard of at the next start."""

# Not the system's table: on Windows the registry may call a script text/plain, which nosniff then refuses to run.
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_TEXT: Final = ("text/", "application/json", "application/manifest+json", "image/svg+xml")

_REVALIDATE: Final = "no-cache"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"

_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>qrshared</title>
<p>This copy of qrshared has no page yet: it was started from its source before the page was built.</p>
<p>Build it once with <code>pip install -e .</code> in the source folder, then start qrshared again.</p>
</html>
"""


@dataclass(frozen=True)
class Asset:
    """One file of the page, as it is sent."""

    body: bytes
    content_type: str
    etag: str
    cache_control: str


@dataclass(frozen=True)
class BuiltPage:
    """The files of the page by the path that asks for them."""

    assets: dict[str, Asset]

    @classmethod
    def load(cls, folder: Path | None, *, at: PageAt = PageAt.HOME) -> "BuiltPage":
        """Read the build once; a missing build gives a page that says how to make one."""
        if folder is None:
            return cls({})
        content = (folder / "index.html").read_bytes()
        if at is not PageAt.HOME:
            if content.count(_PLACE) != 1:
                _log.warning("the built page is of another version of qrshared, and is not served")
                return cls({})
            content = content.replace(_PLACE, _PLACE.replace(b"home", at.value.encode()))
        html = _asset("index.html", content, _REVALIDATE)
        assets = dict.fromkeys(_PATHS_OF[at], html)
        for file in sorted((folder / "assets").iterdir()):
            if file.is_file() and not file.is_symlink():
                assets[f"/assets/{file.name}"] = _asset(file.name, file.read_bytes(), _IMMUTABLE)
        service_worker = folder / "sw.js"
        if service_worker.is_file():
            assets[SERVICE_WORKER_PATH] = _asset(service_worker.name, service_worker.read_bytes(), _REVALIDATE)
        return cls(assets)

    @property
    def is_built(self) -> bool:
        """Whether there is a page at all."""
        return bool(self.assets)

    def find(self, path: str) -> Asset | None:
        """The file at exactly this path."""
        return self.assets.get(path)


def _asset(name: str, body: bytes, cache_control: str) -> Asset:
    suffix = Path(name).suffix.lower()
    kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    return Asset(
        body=body,
        content_type=f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind,
        etag=hashlib.sha256(body).hexdigest()[:32],
        cache_control=cache_control,
    )


def add_page_routes(app: web.Application, page: BuiltPage) -> None:
    """Serve the page under `PAGE_PATHS`, `/assets/` and its service worker."""

    async def serve(request: web.Request) -> web.StreamResponse:
        if not page.is_built and request.path in PAGE_PATHS:
            return web.Response(status=503, text=_NOT_BUILT, content_type="text/html", charset="utf-8")
        # The path as it was sent, so that no decoding can turn one name into another.
        asset = page.find(request.raw_path.partition("?")[0])
        return (
            answer(request, asset) if asset is not None else web.Response(status=404, text="There is no such page.\n")
        )

    for path in (*PAGE_PATHS, SERVICE_WORKER_PATH):
        app.router.add_get(path, serve)
    app.router.add_get("/assets/{name:.*}", serve)


def answer(request: web.Request, asset: Asset) -> web.StreamResponse:
    """The file, or 304 to a browser that has this very one."""
    headers = {hdrs.ETAG: f'"{asset.etag}"', hdrs.CACHE_CONTROL: asset.cache_control}
    known = request.if_none_match
    if known is not None and any(tag.value == asset.etag for tag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(body=asset.body, headers={**headers, hdrs.CONTENT_TYPE: asset.content_type})
