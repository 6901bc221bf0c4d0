"""The system's Chromium, driven over the DevTools pipe: Runtime, DOM, Page, Log and Input only.

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
from typing import Self

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
LOOK_S = 10


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

    async def __aenter__(self) -> Self:
        self.profile = Path(tempfile.mkdtemp(prefix="qrshared-chromium-"))
        await self._start()
        return self

    async def restart(self) -> None:
        """End it as a crash would, and start it anew on the same profile; its tabs are gone."""
        await self.kill()
        self._commands.close()
        self._heard.clear()
        await self._start()

    async def _start(self) -> None:
        binary = shutil.which("chromium") or shutil.which("chromium-browser")
        if binary is None:
            raise BrowserFault("no Chromium here")
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
        self._commands = os.fdopen(to_browser, "wb", buffering=0)
        answers = _Answers(self._hear, self._gone)
        await asyncio.get_running_loop().connect_read_pipe(lambda: answers, os.fdopen(from_browser, "rb"))

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    def order(self, method: str, *, session: str) -> None:
        """A command whose answer nobody waits for."""
        self._next += 1
        self._commands.write(json.dumps({"id": self._next, "method": method, "sessionId": session}).encode() + b"\0")

    async def open(self, url: str = "about:blank", *, size: tuple[int, int] = (390, 844), phone: bool = True) -> "Page":
        """A new tab at `url`; `phone` gives it touch and a phone's user agent."""
        target = await self.command("Target.createTarget", url="about:blank")
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, str(target["targetId"]), str(attached["sessionId"]))
        self._heard.append(page.hear)
        for domain in ("Page", "Runtime", "DOM", "Log"):
            await page.command(f"{domain}.enable")
        await page.command("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
        await page.shape(size, phone=phone)
        await page.goto(url)
        return page

    def _hear(self, text: bytes) -> None:
        said = json.loads(text)
        if "id" in said:
            answer = self._answers.pop(said["id"], None)
            if answer is not None and not answer.done():
                answer.set_result(said)
        else:
            for hear in self._heard:
                hear(said)

    def _gone(self) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrowserFault("the browser has ended"))


class _Answers(asyncio.Protocol):
    """Cuts what the browser writes into messages, which end with a zero byte."""

    def __init__(self, hear: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        self._hear = hear
        self._gone = gone
        self._parts: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        *ends, rest = data.split(b"\0")
        for end in ends:
            message = b"".join((*self._parts, end))
            self._parts.clear()
            self._hear(message)
        self._parts.append(rest)

    def connection_lost(self, fault: Exception | None) -> None:
        self._gone()


class Page:
    """One tab. `console` gathers what page and workers logged and threw, and what the browser held against them."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self.browser = browser
        self.target = target
        self._session = session
        self._workers: set[str] = set()
        self.console: list[str] = []
        self._loaded = asyncio.Event()
        self._chooser: asyncio.Future[int] | None = None

    @property
    def complaints(self) -> list[str]:
        """What of the console no healthy page has: errors, warnings, exceptions, breaches of the content policy."""
        return [line for line in self.console if line.startswith(("error", "warning", "threw", "assert"))]

    def hear(self, said: dict[str, object]) -> None:
        """Take an event of the browser."""
        if said.get("sessionId") not in (self._session, *self._workers):
            return
        params = said["params"]
        assert isinstance(params, dict)
        match said["method"]:
            case "Target.attachedToTarget":
                self._workers.add(params["sessionId"])
                for domain in ("Runtime", "Log"):
                    self.browser.order(f"{domain}.enable", session=params["sessionId"])
            case "Page.loadEventFired":
                self._loaded.set()
            case "Page.fileChooserOpened":
                if self._chooser is not None and not self._chooser.done():
                    self._chooser.set_result(params["backendNodeId"])
            case "Runtime.consoleAPICalled":
                values = [str(a.get("value", a.get("description", ""))) for a in params["args"]]
                self.console.append(f"{params['type']}: {' '.join(values)}")
            case "Runtime.exceptionThrown":
                self.console.append(f"threw: {params['exceptionDetails']}")
            case "Log.entryAdded":
                entry = params["entry"]
                self.console.append(f"{entry['level']} of {entry['source']}: {entry['text']} {entry.get('url', '')}")

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

    async def wait_for(self, expression: str, *, within_s: float = 90) -> object:
        """Wait until the expression is true, looked at each time the page has painted."""
        # Asked anew every few seconds: a question that stands for longer than a command may counts as lost.
        waiting = f"""new Promise((done) => {{
            const until = performance.now() + {LOOK_S * 1000};
            const look = () => {{ let v = null; try {{ v = ({expression}) }} catch {{ v = null }}
              if (v || performance.now() > until) done([!!v, v]); else setTimeout(look, 50) }};
            look() }})"""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    try:
                        seen = await self.evaluate(waiting)
                        assert isinstance(seen, list)
                        # The page says whether it is true: an element comes here as an empty object.
                        if seen[0]:
                            return seen[1]
                    except BrowserFault as fault:
                        # The page that was asked has gone, often to where it is waited for: ask the next one.
                        if not any(word in str(fault) for word in ("navigated", "destroyed", "Cannot find")):
                            raise
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

    async def find_button(self, name: str, *, within_s: float = 60) -> tuple[float, float]:
        """Where the middle of the button is whose accessible name begins so, once it is there and can be pressed.

        And once it rests: what a page shows in the moment of the press would move it away, and a person waits for that.
        """
        place = await self.wait_for(
            f"""(() => {{
              const named = (b) => (b.getAttribute("aria-label") ?? b.innerText).trim().startsWith({json.dumps(name)});
              const open = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
              const button = [...open.querySelectorAll("button")].find((b) => named(b) && !b.disabled);
              if (!button) return null;
              button.scrollIntoView({{ block: "nearest" }});
              const box = button.getBoundingClientRect();
              const place = [box.x + box.width / 2, box.y + box.height / 2];
              const rests = String(window.lastPlace) === String(place);
              window.lastPlace = place;
              return rests ? place : null;
            }})()""",
            within_s=within_s,
        )
        assert isinstance(place, list)
        return float(place[0]), float(place[1])

    async def tap(self, name: str, *, within_s: float = 60) -> None:
        """Press a button where it is, as a person does: what lies over it would get the press instead."""
        x, y = await self.find_button(name, within_s=within_s)
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def choose(self, name: str, *paths: Path) -> None:
        """Press a button that opens the system's picker, and choose files there."""
        self._chooser = asyncio.get_running_loop().create_future()
        await self.command("Page.setInterceptFileChooserDialog", enabled=True)
        await self.tap(name)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            node = await self._chooser
        await self.command("Page.setInterceptFileChooserDialog", enabled=False)
        await self.command("DOM.setFileInputFiles", backendNodeId=node, files=[str(path) for path in paths])

    async def type(self, text: str) -> None:
        """Type over what is selected in the field that has the focus."""
        await self.command("Input.insertText", text=text)

    async def screenshot(self, path: Path) -> None:
        """What the tab shows, as PNG."""
        said = await self.command("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(str(said["data"])))

    async def close(self) -> None:
        """Close the tab."""
        await self.browser.command("Target.closeTarget", targetId=self.target)
