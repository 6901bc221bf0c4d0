"""The system's Firefox over Marionette, on a machine of the test network or on this one."""

import asyncio
import contextlib
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from marionette_driver.marionette import Marionette

from tests.namespaces import Host, enter
from tests.parts import find

T = TypeVar("T")

PORT = 2828
"""On a machine of its own; on this one each takes a free port."""
PREFERENCES: dict[str, str | int | bool] = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "en-US",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.update.disabledForTesting": True,
}


class Firefox:
    """One browser; every call goes to the one thread that lives on its machine."""

    def __init__(self, marionette: Marionette, thread: ThreadPoolExecutor) -> None:
        self.marionette = marionette
        self._thread = thread

    async def call(self, work: Callable[[Marionette], T]) -> T:
        """Do something with the driver, off the test's own loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.marionette)

    async def evaluate(self, expression: str) -> object:
        """The value of an expression in the page."""
        value: object = await self.call(lambda driver: driver.execute_script(f"return {expression}"))
        return value

    async def await_value(self, expression: str) -> object:
        """The value of an expression as the page itself would see it, promises awaited."""
        script = """const done = arguments[arguments.length - 1];
            Promise.resolve(window.wrappedJSObject.eval(arguments[0])).then(
              (value) => done([null, value]), (fault) => done([String(fault), null]));"""
        said = await self.call(lambda driver: driver.execute_async_script(script, [expression], script_timeout=60_000))
        fault, value = said
        assert fault is None, fault
        return value

    async def wait_for(self, expression: str, *, within_s: float = 60) -> None:
        """Wait until the expression is true."""
        try:
            async with asyncio.timeout(within_s):
                while not await self.evaluate(f"Boolean({expression})"):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(f"never came true: {expression}\non the page: {text}") from None

    async def pick(self, *paths: Path) -> None:
        """Choose files in the page's picker."""

        def choose(driver: Marionette) -> None:
            picker = driver.find_element("css selector", "input#files")
            picker.send_keys("\n".join(map(str, paths)))

        await self.call(choose)


@contextlib.asynccontextmanager
async def firefox_on(
    host: Host | None, preferences: Mapping[str, str | int | bool] | None = None
) -> AsyncIterator[Firefox]:
    """A headless Firefox with an empty profile, gone afterwards; without a host on this machine itself."""
    profile = Path(tempfile.mkdtemp(prefix="qrshared-firefox-"))
    port = _free_port() if host is None else PORT
    chosen = {**PREFERENCES, "marionette.port": port, **(preferences or {})}
    lines = [f'user_pref("{name}", {_written(value)});\n' for name, value in chosen.items()]
    (profile / "user.js").write_text("".join(lines))
    binary = find("firefox-esr") or find("firefox")
    assert binary is not None
    command = (binary, "-headless", "-marionette", "-no-remote", "-profile", str(profile))
    process = await asyncio.create_subprocess_exec(
        *(command if host is None else host.command(*command)),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    thread = (
        ThreadPoolExecutor(1) if host is None else ThreadPoolExecutor(1, initializer=enter, initargs=(host.namespace,))
    )
    firefox = Firefox(Marionette(host="127.0.0.1", port=port), thread)
    try:
        await firefox.call(lambda driver: driver.raise_for_port(60))
        await firefox.call(lambda driver: driver.start_session())
        yield firefox
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        thread.shutdown()
        shutil.rmtree(profile, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _written(value: str | int | bool) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
