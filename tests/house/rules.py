"""Each rule takes files and says what breaks it, one line a finding with path and line."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from tests.house.tree import File, python

Rule = Callable[[Iterable[File]], Iterator[str]]

TOP_LEVEL = {"qrshared", "systemd", "web", "tests", "pyproject.toml", "README.md", "LICENSE", "hatch_build.py"}
BANNED_WORDS = {"Manager", "Helper", "Helpers", "Utils", "Util", "Handler", "Base", "Impl"}
BANNED_NAMES = {"data", "info", "utils", "helpers", "misc", "common"}
LIMIT = re.compile(r"^(?!(?:MINUTE|HOUR|DAY|WEEK)_S$)[A-Z][A-Z0-9_]*_(MAX|S)$")
# Written in two halves: this file must not break its own rule.
REGISTRIES = tuple(
    ".".join(halves)
    for halves in (("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"), ("pypi", "org"), ("pythonhosted", "org"))
)


def _functions(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(file.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def unparsable(files: Iterable[File]) -> Iterator[str]:
    return (file.problem for file in files if file.is_python and file.problem is not None)


def long_files(files: Iterable[File], *, most: int) -> Iterator[str]:
    for file in files:
        lines = file.text.count("\n")
        if (file.is_python or file.is_page or file.path.endswith(".css")) and lines > most:
            yield f"{file.path}: {lines} lines"


def long_functions(files: Iterable[File], *, most: int) -> Iterator[str]:
    for file in python(files):
        for function in _functions(file):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > most:
                yield f"{file.path}:{function.lineno}: {function.name} has {lines} lines"


def unsigned_modules(files: Iterable[File]) -> Iterator[str]:
    """A module says its duty in its first line; a room's `__init__` says more than that."""
    for file in python(files):
        sign = ast.get_docstring(file.tree) or ""
        first = sign.split("\n\n")[0].strip()
        if not first.endswith((".", ":", "]", ")", "…")):
            yield f"{file.path}: its first line does not say its duty in a sentence"
        elif re.fullmatch(r"qrshared/.+/__init__\.py", file.path) and sign.count("\n") < 2:
            yield f"{file.path}: a room's sign also says its invariants and what it leaves out on purpose"


def unsigned_page_modules(files: Iterable[File]) -> Iterator[str]:
    for file in files:
        if file.is_page and file.path.startswith("web/src/") and not file.text.startswith(("//", "/*")):
            yield f"{file.path}: its first line does not say its duty"


def registry_hosts(files: Iterable[File]) -> Iterator[str]:
    for file in files:
        for number, line in enumerate(file.text.splitlines(), 1):
            if any(host in line for host in REGISTRIES):
                yield f"{file.path}:{number}: names the host of a registry"


def prints(files: Iterable[File]) -> Iterator[str]:
    for file in python(files):
        if not file.path.startswith("qrshared/") or file.path.startswith("qrshared/cli/"):
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                yield f"{file.path}:{node.lineno}: only the command line prints"


def loose_tasks(files: Iterable[File]) -> Iterator[str]:
    """`create_task` on anything but a TaskGroup: a task that nobody awaits loses its error."""
    loose = re.compile(r"(?:asyncio|loop|get_running_loop\(\)|get_event_loop\(\))\.(?:create_task|ensure_future)$")
    for file in python(files):
        if not file.path.startswith("qrshared/"):
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Call) and loose.search(ast.unparse(node.func)):
                yield f"{file.path}:{node.lineno}: start it in a TaskGroup that someone awaits"


def banned_names(files: Iterable[File]) -> Iterator[str]:
    declared = re.compile(r"^\s*(?:export )?(?:abstract )?(?:class|interface|type|function|const) (\w+)", re.MULTILINE)
    for file in files:
        if not file.is_product or not (file.is_python or file.is_page):
            continue
        names = [PurePosixPath(file.path).stem]
        if file.is_python:
            kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            names += [node.name for node in ast.walk(file.tree) if isinstance(node, kinds)]
        elif file.is_page:
            names += declared.findall(file.text)
        for name in names:
            words = {part.capitalize() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
            if words & BANNED_WORDS or name.lower() in BANNED_NAMES:
                yield f'{file.path}: "{name}" says nothing; name it after what it does'


def unfinished(files: Iterable[File]) -> Iterator[str]:
    mark = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK", "X" * 3)) + r")\b")
    for file in files:
        for number, line in enumerate(file.text.splitlines(), 1):
            if mark.search(line):
                yield f"{file.path}:{number}: left open"


def silenced(files: Iterable[File]) -> Iterator[str]:
    """A silenced check must say why, behind it or in a comment on the line above."""
    mute = re.compile(r"#\s*(?:type:\s*ignore(?:\[[\w, -]+\])?|noqa(?::\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?)(.*)")
    mute_page = re.compile(r"@ts-(?:ignore|expect-error)(.*)")
    for file in files:
        if not file.is_product or not (file.is_python or file.is_page):
            continue
        has_reason_above = False
        for number, line in enumerate(file.text.splitlines(), 1):
            found = (mute if file.is_python else mute_page).search(line)
            has_reason = has_reason_above or (found is not None and len(found[1].strip(" #-:")) > 8)
            if found and not has_reason:
                yield f"{file.path}:{number}: silences a check without a reason"
            # One comment, or one explained line, covers the silenced lines right below it.
            has_reason_above = line.strip().startswith(("#", "//")) or (found is not None and has_reason)


def sleeping_tests(files: Iterable[File]) -> Iterator[str]:
    """A sleep in a loop polls a condition, and `asyncio.sleep(0)` lets others run: neither hopes that time suffices."""
    for file in python(files):
        if not file.path.startswith("tests/") or file.path.startswith("tests/bench/"):
            continue
        loops = [node for node in ast.walk(file.tree) if isinstance(node, ast.While | ast.For | ast.AsyncFor)]
        polling = {id(node) for loop in loops for node in ast.walk(loop)}
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in {"time.sleep", "asyncio.sleep"}:
                continue
            if id(node) not in polling and ast.unparse(node.args[0]) != "0" and not _is_explained(file, node.lineno):
                yield f"{file.path}:{node.lineno}: waits by the clock; wait for a condition or an event"


def _is_explained(file: File, line: int) -> bool:
    """A slow disk or a stalled loop is played by sleeping; a comment beside or above says so."""
    beside, above = file.text.splitlines()[line - 1], file.text.splitlines()[line - 2].strip()
    return "  # " in beside or above.startswith("#")


def limits(files: Iterable[File]) -> Iterator[tuple[str, str, bool]]:
    """Every limit of a room: where it stands, its name, and whether a comment or docstring explains it."""
    for file in python(files):
        if not file.path.startswith("qrshared/"):
            continue
        lines = file.text.splitlines()
        body = file.tree.body
        for node, after in zip(body, [*body[1:], None], strict=True):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if not isinstance(target, ast.Name) or not LIMIT.match(target.id):
                continue
            has_doc = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            near = lines[node.lineno - 2] if node.lineno > 1 else ""
            explained = has_doc or "#" in lines[node.end_lineno - 1 if node.end_lineno else 0] or near.startswith("#")
            yield f"{file.path}:{node.lineno}", target.id, explained


def unexplained_limits(files: Iterable[File]) -> Iterator[str]:
    for place, name, explained in limits(files):
        if not explained:
            yield f"{place}: {name} does not say why it is what it is"


def untested_limits(files: Iterable[File]) -> Iterator[str]:
    files = list(files)
    tests = "\n".join(file.text for file in files if file.path.startswith(("tests/", "web/test/")))
    for place, name, _ in limits(files):
        if name.endswith("_MAX") and not re.search(rf"\b{name}\b", tests):
            yield f"{place}: no test reaches {name}"


def strange_top_level(paths: Iterable[str]) -> Iterator[str]:
    for name in sorted({path.split("/")[0] for path in paths}):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield f"{name} is outside the agreed top level"


def lock_addresses(lock: str) -> Iterator[str]:
    for number, line in enumerate(lock.splitlines(), 1):
        if '"resolved"' in line or any(host in line for host in REGISTRIES):
            yield f"line {number} holds a download address"
