"""The built page, held in memory: only what the build made can be asked for, and no path touches the disk."""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

PAGE_PATHS: Final = ("/", "/p", "/owner")
"""All three are the same HTML; its script looks at the path."""

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
    def load(cls, folder: Path | None) -> "BuiltPage":
        """Read the build once; a missing build gives a page that says how to make one."""
        if folder is None:
            return cls({})
        html = _asset(folder / "index.html", _REVALIDATE)
        assets = dict.fromkeys(PAGE_PATHS, html)
        for file in sorted((folder / "assets").iterdir()):
            if file.is_file() and not file.is_symlink():
                assets[f"/assets/{file.name}"] = _asset(file, _IMMUTABLE)
        return cls(assets)

    @property
    def is_built(self) -> bool:
        """Whether there is a page at all."""
        return bool(self.assets)

    def find(self, path: str) -> Asset | None:
        """The file at exactly this path."""
        return self.assets.get(path)


def _asset(file: Path, cache_control: str) -> Asset:
    body = file.read_bytes()
    kind = _TYPES.get(file.suffix.lower()) or mimetypes.types_map.get(file.suffix.lower(), "application/octet-stream")
    return Asset(
        body=body,
        content_type=f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind,
        etag=hashlib.sha256(body).hexdigest()[:32],
        cache_control=cache_control,
    )


def add_page_routes(app: web.Application, page: BuiltPage) -> None:
    """Serve the page under `PAGE_PATHS` and `/assets/`."""

    async def serve(request: web.Request) -> web.StreamResponse:
        if not page.is_built and request.path in PAGE_PATHS:
            return web.Response(status=503, text=_NOT_BUILT, content_type="text/html", charset="utf-8")
        # The path as it was sent, so that no decoding can turn one name into another.
        asset = page.find(request.raw_path.partition("?")[0])
        return (
            answer(request, asset) if asset is not None else web.Response(status=404, text="There is no such page.\n")
        )

    for path in PAGE_PATHS:
        app.router.add_get(path, serve)
    app.router.add_get("/assets/{name:.*}", serve)


def answer(request: web.Request, asset: Asset) -> web.StreamResponse:
    """The file, or 304 to a browser that has this very one."""
    headers = {hdrs.ETAG: f'"{asset.etag}"', hdrs.CACHE_CONTROL: asset.cache_control}
    known = request.if_none_match
    if known is not None and any(tag.value == asset.etag for tag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(body=asset.body, headers={**headers, hdrs.CONTENT_TYPE: asset.content_type})
