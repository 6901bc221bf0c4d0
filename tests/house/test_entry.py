"""The entry to all tests: it counts right, and a missing part of the system is never passed over in silence."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.__main__ import (
    ALONE_MOST,
    LONG,
    LONG_TEST_S,
    ROOT,
    SUITES,
    TEST_S,
    WAITING,
    at_once,
    main,
    pytest_command,
    pytest_step,
    run_reporting,
    steps_of,
    suites_of,
)
from tests.parts import PARTS
from tests.reports import Count, count_report, settled, told

SAMPLE = """import pytest

@pytest.mark.needs("strace")
def test_with_a_part():
    pass

def test_without():
    pass
"""


def run_sample(folder: Path, **environment: str) -> tuple[Count, str]:
    """The sample under the real conftest, on a system without programs."""
    (folder / "test_sample.py").write_text(SAMPLE)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", f"--junit-xml={report}", "-c",
               str(ROOT / "pyproject.toml"), "--rootdir", str(folder), str(folder / "test_sample.py")]  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if name != "CI"}
    ended = subprocess.run(
        command, cwd=ROOT, env={**clean, "PATH": "/nowhere", **environment}, capture_output=True, text=True, check=False
    )
    return count_report(report), ended.stdout


def test_a_missing_part_skips_and_says_how_to_get_it(tmp_path: Path) -> None:
    counted, text = run_sample(tmp_path)
    assert counted == Count(passed=1, skipped=1)
    assert text.splitlines().count("strace is missing: sudo apt-get install -y strace") == 1


def test_a_missing_part_fails_in_continuous_integration(tmp_path: Path) -> None:
    counted, text = run_sample(tmp_path, CI="true")
    assert counted == Count(passed=1, failed=1)
    assert "strace is missing: sudo apt-get install -y strace" in text


def test_a_part_nobody_knows_is_a_mistake(tmp_path: Path) -> None:
    assert "strace" in PARTS
    (tmp_path / "more").mkdir()
    sample = SAMPLE.replace("strace", "starce")
    (tmp_path / "test_more.py").write_text(sample)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", str(tmp_path / "test_more.py")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "knows no part called 'starce'" in ended.stdout


def test_reports_are_counted(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
        '<testcase name="c"><skipped/></testcase><testcase name="d"><error/></testcase></testsuite></testsuites>'
    )
    assert count_report(report) == Count(passed=1, failed=2, skipped=1)
    assert count_report(report).failures == ("b", "d")
    assert count_report(tmp_path / "gone.xml") == Count(failed=1)


@pytest.mark.parametrize(("code", "counted"), [(0, Count(passed=1)), (3, Count(passed=1, failed=1))])
def test_an_end_the_report_does_not_explain_is_a_failure(tmp_path: Path, code: int, counted: Count) -> None:
    report = tmp_path / "r.xml"
    text = f"open({str(report)!r}, 'w').write('<t><testcase/></t>'); raise SystemExit({code})"
    assert run_reporting([sys.executable, "-c", text], report) == counted


HANGING = """import threading

def test_that_ends():
    pass

def test_that_hangs():
    threading.Event().wait()

def test_after_it():
    pass
"""


def test_a_test_that_hangs_fails_by_its_name_and_the_others_run(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    report = tmp_path / "r.xml"
    where = ("-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path))
    counted = run_reporting(pytest_command(report, *where, workers=2, test_s=2), report)
    assert counted == Count(passed=2, failed=1)
    (name,) = counted.failures
    assert name.endswith("test_that_hangs")


UNSTEADY = """from pathlib import Path

def test_that_is_steady():
    pass

def test_that_passes_the_second_time():
    seen = Path(__file__).with_name("seen")
    was_there = seen.exists()
    seen.touch()
    assert was_there

def test_that_never_passes():
    assert False
"""


def test_what_failed_beside_others_is_tried_alone_and_named_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "test_unsteady.py").write_text(UNSTEADY)
    reports = tmp_path / "reports"
    reports.mkdir()
    counted = pytest_step("unsteady", reports, "--rootdir", str(tmp_path), str(tmp_path), workers=2).run()
    assert counted == Count(passed=2, failed=1)
    assert [name.rpartition("::")[2] for name in counted.failures] == ["test_that_never_passes"]
    assert [name.rpartition("::")[2] for name in counted.unsteady] == ["test_that_passes_the_second_time"]
    assert [line.split(",")[0].split(":")[0] for line in told(counted)] == [
        "failed",
        "passed alone and not beside others",
    ]


def test_many_failures_are_no_accident(tmp_path: Path) -> None:
    tests = "\n".join(f"def test_{n}():\n    assert False\n" for n in range(ALONE_MOST + 1))
    (tmp_path / "test_many.py").write_text(tests)
    counted = pytest_step("many", tmp_path, "--rootdir", str(tmp_path), str(tmp_path), workers=2).run()
    assert counted == Count(failed=ALONE_MOST + 1)
    assert not (tmp_path / "many-alone.xml").exists()


def test_a_second_try_that_ran_something_else_counts_for_nothing() -> None:
    beside = Count(5, 2, 0, ("a", "b"))
    assert settled(beside, Count(passed=1)) == beside
    assert settled(beside, Count(passed=2)) == Count(passed=7)


def test_a_test_that_takes_minutes_does_not_say_where_its_threads_stand_as_if_it_had_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Sequence[str]] = []

    def note(command: Sequence[str], _report: Path, **_: object) -> Count:
        ran.append(command)
        return Count()

    monkeypatch.setattr("tests.__main__.run_reporting", note)
    for suite in (*LONG, "browser"):
        for step in steps_of(suite, tmp_path, ()):
            step.run()
    limits = [next(word for word in command if word.startswith("faulthandler_timeout=")) for command in ran]
    assert limits == [f"faulthandler_timeout={LONG_TEST_S}"] * len(LONG) + [f"faulthandler_timeout={TEST_S}"]
    assert LONG_TEST_S == 1800


def test_what_waits_runs_side_by_side_as_far_as_the_machine_goes() -> None:
    assert at_once("pure", cores=2, memory_gib=24) == 1
    for suite in WAITING:
        assert at_once(suite, cores=2, memory_gib=24) == 4
        assert at_once(suite, cores=2, memory_gib=3.8) == 2
        assert at_once(suite, cores=1, memory_gib=1) == 1
        assert at_once(suite, cores=64, memory_gib=256) == 8


def test_the_last_lines_name_what_failed_and_what_was_skipped_once_each() -> None:
    total = Count(1, 1, 3, ("tests.a::test_b",), ("nft is missing: x", "other", "nft is missing: x")) + Count(passed=1)
    assert list(told(total)) == ["failed: tests.a::test_b", "skipped 2 ×: nft is missing: x", "skipped 1 ×: other"]


@pytest.mark.parametrize(
    ("words", "suites", "rest"),
    [
        ([], SUITES, []), (["all", "house"], SUITES, []), (["pure", "house", "pure"], ("pure", "house"), []),
        (["pure", "daemon", "-k", "house"], ("pure", "daemon"), ["-k", "house"]), (["fuzz", "-x"], ("fuzz",), ["-x"]),
        (["pure", "hause"], (), ["hause"]), (["-k", "x"], (), ["-k", "x"]),
    ],
)  # fmt: skip
def test_several_suites_may_be_named(words: list[str], suites: tuple[str, ...], rest: list[str]) -> None:
    assert suites_of(words) == (suites, rest)


def test_an_unknown_suite_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["everything"]) == 2
    assert "python -m tests" in capsys.readouterr().err
