"""The files of this repository as rules see them: a path, a text, and for Python a syntax tree."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT_ENDS = {".py", ".ts", ".mjs", ".css", ".html", ".md", ".toml", ".json", ".service", ".conf", ".sh", ""}


@dataclass(frozen=True)
class File:
    """One text file, by its path below the root."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def problem(self) -> str | None:
        """Why this Python cannot be read by the oldest Python we support."""
        try:
            ast.parse(self.text, feature_version=(3, 11))
        except SyntaxError as error:
            return f"{self.path}:{error.lineno}: {error.msg}"
        return None

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_page(self) -> bool:
        return self.path.endswith(".ts")

    @property
    def is_product(self) -> bool:
        """What runs at the user's: not tests, not the build."""
        return self.path.startswith(("qrshared/", "web/src/"))


def listed_paths() -> list[str]:
    """What git keeps or would keep; in an unpacked sdist, which has no git, everything there is."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    names = sorted(set(ended.stdout.decode().split("\0")) - {""})
    return [name for name in names if (ROOT / name).is_file()]


def all_files() -> Iterator[File]:
    for path in listed_paths():
        if Path(path).suffix in TEXT_ENDS and not path.endswith("package-lock.json"):
            yield File(path, (ROOT / path).read_text(encoding="utf-8"))


def python(files: Iterable[File]) -> Iterator[File]:
    """The Python files that can be parsed; `unparsable` in the rules names the others."""
    return (file for file in files if file.is_python and file.problem is None)
