"""The servers of the LAN bench, each on the bench's home computer: the daemon, nginx, plain aiohttp and copyparty."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import tempfile
import venv
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench._reference import PAGE
from tests.namespaces import Host
from tests.parts import find

START_S: Final = 30.0
TCP_LISTEN: Final = "0A"
"""As /proc/net/tcp writes it (Linux, tcp_states.h)."""
ROOT: Final = Path(__file__).resolve().parents[2]
NGINX = """
daemon off;
master_process off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type text/html;
  server {{
    listen {address}:{port};
    location / {{ root {folder}/page; }}
    location /put/ {{ alias {files}/; dav_methods PUT; }}
  }}
}}
"""


class NotHere(Exception):
    """A server that this machine cannot run; the text says why."""


@dataclass(frozen=True)
class Server:
    """A running server: its main process, where a browser finds it, and where files appear."""

    pid: int
    url: str
    files: Path


@asynccontextmanager
async def daemon(home: Host, folder: Path, port: int) -> AsyncIterator[Server]:
    """The product, as it runs at the user's."""
    files = folder / "inbox"
    where = ["--inbox", str(files), "--data-dir", str(folder / "data")]
    command = [sys.executable, "-m", "qrshared", "run", *where, "--port", str(port), "--name", "BENCH-PC", "--no-mdns"]
    async with _running(home, command, port, folder / "log") as process:
        yield Server(process.pid, f"http://{home.address}:{port}", files)


def fresh_code(home: Host, folder: Path) -> str:
    """A personal code's URL; opening it is what scanning does."""
    return home.run(sys.executable, "-m", "qrshared", "qr", "--url", "--data-dir", str(folder / "data")).strip()


@asynccontextmanager
async def plain_aiohttp(home: Host, folder: Path, port: int) -> AsyncIterator[Server]:
    """PUT into aiohttp, unsealed."""
    command = [sys.executable, "-m", "tests.bench._reference", home.address, str(port), str(folder)]
    folder.mkdir()
    async with _running(home, command, port, folder.with_suffix(".log")) as process:
        yield Server(process.pid, f"http://{home.address}:{port}", folder)


@asynccontextmanager
async def nginx(home: Host, folder: Path, port: int) -> AsyncIterator[Server]:
    """PUT into nginx's own dav module: the body goes to a file and gets its name, nothing is synced."""
    program = find("nginx")
    if program is None:
        raise NotHere("nginx is missing: sudo apt-get install -y nginx-light")
    version = await asyncio.to_thread(subprocess.run, [program, "-V"], capture_output=True, text=True, check=False)
    if "http_dav_module" not in version.stderr:
        raise NotHere("this nginx has no dav module")
    files = folder / "files"
    for each in (folder, files, folder / "page"):
        each.mkdir()
    (folder / "page" / "index.html").write_text(PAGE)
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, files=files, address=home.address, port=port))
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(settings)]
    async with _running(home, command, port, folder / "log") as process:
        yield Server(process.pid, f"http://{home.address}:{port}", files)


@asynccontextmanager
async def copyparty(home: Host, folder: Path, port: int) -> AsyncIterator[Server]:
    """copyparty with its own page (up2k), in an environment of its own that later runs find again."""
    home_of_it = Path(tempfile.gettempdir()) / "qrshared-bench-copyparty"
    program = home_of_it / "bin" / "copyparty"
    if not program.exists():
        print("installing copyparty …", flush=True)
        await asyncio.to_thread(venv.create, home_of_it, with_pip=True, clear=True)
        pip = [str(home_of_it / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "copyparty"]
        installed = await asyncio.create_subprocess_exec(*pip, stdout=DEVNULL, stderr=PIPE)
        _, said = await installed.communicate()
        if installed.returncode:
            raise NotHere(f"copyparty cannot be installed: {said.decode().strip().splitlines()[-1:]}")
    folder.mkdir()
    command = [str(program), "-i", home.address, "-p", str(port), "-v", f"{folder}::rw", "-q", "--no-crt"]
    async with _running(home, command, port, folder.with_suffix(".log")) as process:
        yield Server(process.pid, f"http://{home.address}:{port}", folder)


@asynccontextmanager
async def _running(home: Host, command: list[str], port: int, log: Path) -> AsyncIterator[Process]:
    """A program that listens on a port, until the context ends."""
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = await home.start(*command, stdout=output, stderr=output, stdin=DEVNULL, cwd=ROOT)
    try:
        await _listens(home, port, process, log)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(START_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _listens(home: Host, port: int, process: Process, log: Path) -> None:
    """Wait for the port, as the network namespace's own table shows it: addresses there are little-endian."""
    own = socket.inet_aton(home.address)[::-1].hex().upper()
    wanted = {f"{address}:{port:04X}" for address in (own, "00000000")}
    async with asyncio.timeout(START_S):
        while True:
            with contextlib.suppress(FileNotFoundError):  # it has ended
                sockets = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
                listening = (line.split() for line in sockets)
                if any(words[1] in wanted and words[3] == TCP_LISTEN for words in listening):
                    return
            if process.returncode is not None:
                raise NotHere("\n".join(log.read_text(errors="replace").splitlines()[-5:]))
            await asyncio.sleep(0.05)
