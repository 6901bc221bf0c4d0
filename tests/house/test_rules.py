"""The rules, on this repository, and each on a sample that breaks it."""

import functools
import warnings

import pytest

from tests.house import rules
from tests.house.tree import ROOT, File, all_files, listed_paths

FILES = tuple(all_files())
GOOD = '"""Its duty, in one sentence."""\n'

HARD: dict[str, rules.Rule] = {
    "the oldest Python reads it": rules.unparsable,
    "a file stays below 600 lines": functools.partial(rules.long_files, most=600),
    "a function stays below 80 lines": functools.partial(rules.long_functions, most=80),
    "a module has a sign": rules.unsigned_modules,
    "a module of the page has a sign": rules.unsigned_page_modules,
    "no registry is named": rules.registry_hosts,
    "only the command line prints": rules.prints,
    "no task is loose": rules.loose_tasks,
    "names say something": rules.banned_names,
    "nothing is left open": rules.unfinished,
    "a silenced check says why": rules.silenced,
    "no test waits by the clock": rules.sleeping_tests,
    "a limit says why": rules.unexplained_limits,
    "a limit is tested": rules.untested_limits,
}

SAMPLES = {
    "the oldest Python reads it": File("qrshared/a.py", GOOD + "type A = int\ndef f(: pass\n"),
    "a file stays below 600 lines": File("qrshared/a.py", GOOD + "\n" * 601),
    "a function stays below 80 lines": File("qrshared/a.py", GOOD + "def f():\n" + "    f()\n" * 81),
    "a module has a sign": File("qrshared/a.py", "import os\n"),
    "a module of the page has a sign": File("web/src/a.ts", "export const a = 1;\n"),
    "no registry is named": File("web/.npmrc", f"registry=https://registry.{rules.REGISTRIES[0]}/\n"),
    "only the command line prints": File("qrshared/lan/a.py", GOOD + "print(1)\n"),
    "no task is loose": File("qrshared/a.py", GOOD + "asyncio.get_running_loop().create_task(f())\n"),
    "names say something": File("web/src/a.ts", "// Duty.\nexport class LinkManager {}\n"),
    "nothing is left open": File("qrshared/a.py", GOOD + "# " + "TO" + "DO later\n"),
    "a silenced check says why": File("qrshared/a.py", GOOD + "f()  # type: ignore[misc]\n"),
    "no test waits by the clock": File("tests/a.py", GOOD + "async def f():\n    await asyncio.sleep(0.1)\n"),
    "a limit says why": File("qrshared/a.py", GOOD + "\nLINE_BYTES_MAX = 5\n"),
    "a limit is tested": File("qrshared/a.py", GOOD + "\nNOBODY_TESTS_THIS_MAX = 5  # because\n"),
}


@pytest.mark.parametrize("name", HARD)
def test_the_house_keeps_the_rule(name: str) -> None:
    found = list(HARD[name](FILES))
    assert not found, "\n".join([name, *found])


@pytest.mark.parametrize("name", HARD)
def test_the_rule_catches_a_bad_sample(name: str) -> None:
    assert list(HARD[name]([SAMPLES[name]]))


def test_a_room_says_more_than_one_line() -> None:
    assert list(rules.unsigned_modules([File("qrshared/lan/__init__.py", GOOD)]))
    assert not list(
        rules.unsigned_modules([File("qrshared/lan/__init__.py", '"""Duty.\n\nInvariants:\nabsent: x\n"""')])
    )


def test_what_is_long_is_listed() -> None:
    """A place to look, not a verdict: the aim is 400 lines a file and 50 a function."""
    product = [file for file in FILES if file.is_product]
    for found in (*rules.long_files(FILES, most=400), *rules.long_functions(product, most=50)):
        warnings.warn(found, stacklevel=1)


def test_the_top_level_stays_small() -> None:
    assert not list(rules.strange_top_level(listed_paths()))
    assert list(rules.strange_top_level(["qrshared/a.py", "scripts/a.sh"])) == [
        "scripts is outside the agreed top level"
    ]


def test_the_lock_file_holds_no_addresses() -> None:
    assert not list(rules.lock_addresses((ROOT / "web" / "package-lock.json").read_text()))
    assert list(rules.lock_addresses('"resolved": "somewhere"'))
