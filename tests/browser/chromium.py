"""The system's Chromium, driven over the DevTools pipe: Runtime, DOM and Page only.

The Network domain stays off: with it on, bodies and frames are copied into the debugger and an upload slows to a
fifth. A pipe, not a port, because the browser may live in another network namespace than the test.
"""

import asyncio
import base64
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests run as root in CI
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--remote-debugging-pipe",
)
ANSWER_WITHIN_S = 60.0


class BrowserFault(Exception):
    """The browser refused a command, or the page threw."""


class Chromium:
    """One browser process with its own empty profile on disk."""

    def __init__(self, *, namespace: str | None = None, flags: Sequence[str] = (), language: str = "en-US") -> None:
        self._namespace = namespace
        self._flags = (*flags, f"--lang={language}")
        self._answers: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._heard: list[Callable[[dict[str, object]], None]] = []
        self._next = 0

    async def __aenter__(self) -> "Chromium":
        binary = shutil.which("chromium") or shutil.which("chromium-browser")
        if binary is None:
            raise BrowserFault("no Chromium here")
        self.profile = Path(tempfile.mkdtemp(prefix="qrshared-chromium-"))
        from_us, to_browser = os.pipe()
        from_browser, to_us = os.pipe()
        within = ["ip", "netns", "exec", self._namespace] if self._namespace else []
        # The browser reads commands on descriptor 3 and answers on 4.
        script = f'exec 3<&{from_us} 4>&{to_us}; exec "$@"'
        self._process = await asyncio.create_subprocess_exec(
            *within, "bash", "-c", script, "bash", binary, *FLAGS, *self._flags,
            f"--user-data-dir={self.profile}", "about:blank",
            pass_fds=(from_us, to_us), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(from_us)
        os.close(to_us)
        loop = asyncio.get_running_loop()
        self._reader = asyncio.StreamReader(limit=1 << 30)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), os.fdopen(from_browser, "rb"))
        self._commands = os.fdopen(to_browser, "wb", buffering=0)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.cancel()
        await self.kill()
        self._commands.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    async def kill(self) -> None:
        """End the browser and all its processes, as a crash would."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    async def command(self, method: str, *, session: str | None = None, **params: object) -> dict[str, object]:
        """One DevTools command; raises `BrowserFault`."""
        self._next += 1
        number = self._next
        answer: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        request = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._commands.write(json.dumps(request).encode() + b"\0")
        async with asyncio.timeout(ANSWER_WITHIN_S):
            said = await answer
        if "error" in said:
            raise BrowserFault(f"{method}: {said['error']}")
        result = said["result"]
        assert isinstance(result, dict)
        return result

    async def open(self, url: str = "about:blank", *, size: tuple[int, int] = (390, 844), phone: bool = True) -> "Page":
        """A new tab at `url`; `phone` gives it touch and a phone's user agent."""
        target = await self.command("Target.createTarget", url="about:blank")
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, str(target["targetId"]), str(attached["sessionId"]))
        self._heard.append(page.hear)
        for domain in ("Page", "Runtime", "DOM"):
            await page.command(f"{domain}.enable")
        await page.shape(size, phone=phone)
        await page.goto(url)
        return page

    async def _listen(self) -> None:
        while True:
            try:
                text = await self._reader.readuntil(b"\0")
            except asyncio.IncompleteReadError:
                return
            said = json.loads(text[:-1])
            if "id" in said:
                answer = self._answers.pop(said["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(said)
            else:
                for hear in self._heard:
                    hear(said)


class Page:
    """One tab. `console` gathers what the page logged and threw."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self.browser = browser
        self.target = target
        self._session = session
        self.console: list[str] = []
        self._loaded = asyncio.Event()

    def hear(self, said: dict[str, object]) -> None:
        """Take an event of the browser."""
        if said.get("sessionId") != self._session:
            return
        method, params = said["method"], said["params"]
        assert isinstance(params, dict)
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Runtime.consoleAPICalled":
            values = [str(a.get("value", a.get("description", ""))) for a in params["args"]]
            self.console.append(f"{params['type']}: {' '.join(values)}")
        elif method == "Runtime.exceptionThrown":
            self.console.append(f"threw: {params['exceptionDetails']}")

    async def command(self, method: str, **params: object) -> dict[str, object]:
        """One DevTools command to this tab."""
        return await self.browser.command(method, session=self._session, **params)

    async def shape(self, size: tuple[int, int], *, phone: bool, scale: float = 1, dark: bool = False) -> None:
        """Give the tab a size in CSS pixels, touch or none, and a colour scheme."""
        width, height = size
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )
        await self.command("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[scheme])
        if phone:
            agent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile Safari/537.36"
            await self.command("Emulation.setUserAgentOverride", userAgent=agent, platform="Linux armv81")

    async def goto(self, url: str) -> None:
        """Load `url` and wait for its load event; a mere change of fragment has none."""
        self._loaded.clear()
        went = await self.command("Page.navigate", url=url)
        if "loaderId" in went:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._loaded.wait()

    async def reload(self) -> None:
        """Load the page once more."""
        self._loaded.clear()
        await self.command("Page.reload")
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> object:
        """The value of an expression, promises awaited."""
        said = await self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in said:
            raise BrowserFault(str(said["exceptionDetails"])[:800])
        result = said["result"]
        assert isinstance(result, dict)
        return result.get("value")

    async def wait_for(self, expression: str, *, within_s: float = 30) -> object:
        """Wait until the expression is true, looked at each time the page has painted."""
        waiting = f"""new Promise((done) => {{
            const look = () => {{ let v = null; try {{ v = ({expression}) }} catch {{ v = null }}
              if (v) done(v); else setTimeout(look, 50) }};
            look() }})"""
        try:
            async with asyncio.timeout(within_s):
                return await self.evaluate(waiting)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise BrowserFault(f"never came true: {expression}\non the page: {text}\n{self.console[-8:]}") from None

    async def pick(self, *paths: Path, selector: str = "input#files") -> None:
        """Choose files in a picker."""
        document = await self.command("DOM.getDocument")
        root = document["root"]
        assert isinstance(root, dict)
        found = await self.command("DOM.querySelector", nodeId=root["nodeId"], selector=selector)
        await self.command("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[str(path) for path in paths])

    async def screenshot(self, path: Path) -> None:
        """What the tab shows, as PNG."""
        said = await self.command("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(str(said["data"])))

    async def close(self) -> None:
        """Close the tab."""
        await self.browser.command("Target.closeTarget", targetId=self.target)


