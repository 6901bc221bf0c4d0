"""The system's Firefox over Marionette, on a machine of the test network or on this one."""

import asyncio
import contextlib
import json
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


_BUTTON = """(name) => {
  const named = (button) => (button.getAttribute("aria-label") ?? button.innerText).trim().startsWith(name);
  const open = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
  const button = [...open.querySelectorAll("button")].find((button) => named(button) && !button.disabled);
  button?.scrollIntoView({ block: "center", behavior: "instant" });
  return button ?? null;
}"""


_FIELD = """
  const field = Object.assign(document.createElement("input"), { type: "file", id: "dropped", hidden: true });
  document.body.append(field);"""
_DROP = """
  const field = document.querySelector("#dropped");
  const items = Array.from(field.webkitEntries, (entry) => ({ kind: "file", webkitGetAsEntry: () => entry }));
  if (items.length === 0) throw new Error("nothing to drop");
  const dataTransfer = { types: ["Files"], files: [], items };
  document.body.dispatchEvent(Object.assign(new Event("drop", { bubbles: true, cancelable: true }), { dataTransfer }));
  field.remove();"""


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

    async def pick(self, *paths: Path, selector: str = "input#files") -> None:
        """Choose files in a picker of the page."""

        def choose(driver: Marionette) -> None:
            picker = driver.find_element("css selector", selector)
            picker.send_keys("\n".join(map(str, paths)))

        await self.call(choose)

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self.call(lambda driver: driver.navigate(url))

    async def tap(self, name: str, *, within_s: float = 60) -> None:
        """Press the button whose accessible name begins so, as a person does: the browser counts it as a gesture."""
        found = f"({_BUTTON})({json.dumps(name)})"
        await self.wait_for(found, within_s=within_s)
        await self.call(lambda driver: driver.execute_script(f"return {found}").click())

    async def write(self, selector: str, text: str) -> None:
        """Type into a field, over what it says."""

        def into(driver: Marionette) -> None:
            field = driver.find_element("css selector", selector)
            field.clear()
            field.send_keys(text)

        await self.call(into)

    async def drop_folder(self, folder: Path) -> None:
        """Drop a folder on the page: Firefox's own entries in an event that a script makes."""
        script = "document.querySelector('#dropped').mozSetDndFilesAndDirectories([new Directory(arguments[0])])"

        def drop(driver: Marionette) -> None:
            driver.execute_script(_FIELD, sandbox=None)
            driver.execute_script(script, [str(folder)], sandbox="system")
            driver.execute_script(_DROP, sandbox=None)

        await self.call(drop)


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
