"""The plain aiohttp server that the LAN bench compares with: a page with a picker, and one PUT for each file.

    python -m tests.bench._reference ADDRESS PORT FOLDER

`/put/NAME` only writes, as nginx does; `/durable/NAME` answers once the file is synced and has its name.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from aiohttp import web

PARALLEL: Final = 6
"""Requests at once; more than a browser opens to one host."""

PAGE: Final = """<!doctype html><meta charset="utf-8"><title>reference</title>
<input id="files" type="file" multiple>
<script>
const picker = document.querySelector("#files");
document.body.dataset.done = 0;
picker.onchange = async () => {
  const waiting = [...picker.files], where = new URLSearchParams(location.search).get("to") ?? "put";
  const send = async () => {
    for (let file; (file = waiting.shift()) !== undefined; document.body.dataset.done++) {
      const answer = await fetch(`/${where}/${encodeURIComponent(file.name)}`, { method: "PUT", body: file });
      if (!answer.ok) throw new Error(`${answer.status} for ${file.name}`);
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, send));
};
</script>""".replace("PARALLEL", str(PARALLEL))


def build_app(folder: Path) -> web.Application:
    """The server's application; files appear in `folder`."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def put(request: web.Request) -> web.Response:
        part = folder / f".{request.match_info['name']}.part"
        with part.open("wb", buffering=0) as file:
            async for piece in request.content.iter_any():
                file.write(piece)
        part.rename(folder / request.match_info["name"])
        return web.Response(status=201)

    async def put_durable(request: web.Request) -> web.Response:
        content = await request.read()
        await asyncio.to_thread(_keep, folder / request.match_info["name"], content)
        return web.Response(status=201)

    app = web.Application(client_max_size=1 << 40)
    app.router.add_get("/", page)
    app.router.add_put("/put/{name}", put)
    app.router.add_put("/durable/{name}", put_durable)
    return app


def _keep(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())
    part.rename(path)


if __name__ == "__main__":
    web.run_app(build_app(Path(sys.argv[3])), host=sys.argv[1], port=int(sys.argv[2]), access_log=None, print=None)
