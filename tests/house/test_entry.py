"""The entry to all tests: it counts right, and a missing part of the system is never passed over in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.__main__ import SUITES, Count, count_report, main, run_reporting, suites_of
from tests.house.tree import ROOT
from tests.parts import PARTS

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
    assert count_report(tmp_path / "gone.xml") == Count(failed=1)


@pytest.mark.parametrize(("code", "counted"), [(0, Count(passed=1)), (3, Count(passed=1, failed=1))])
def test_an_end_the_report_does_not_explain_is_a_failure(tmp_path: Path, code: int, counted: Count) -> None:
    report = tmp_path / "r.xml"
    text = f"open({str(report)!r}, 'w').write('<t><testcase/></t>'); raise SystemExit({code})"
    assert run_reporting([sys.executable, "-c", text], report) == counted


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
