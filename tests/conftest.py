"""What every suite shares: tests that need a part of the system say so loudly when it is missing."""

import hypothesis
import pytest

from tests.parts import PARTS, missing, must_be_complete

# A busy machine is no defect of the code: what takes long is for benches to say.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

_lacking: set[str] = set()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if name not in PARTS:
                pytest.fail(f"tests/parts.py knows no part called {name!r}", pytrace=False)
            line = missing(name)
            if line is None:
                continue
            _lacking.add(line)
            if must_be_complete():
                pytest.fail(line, pytrace=False)
            pytest.skip(line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lacking:
        terminalreporter.section("missing parts of the system, and what installs them", sep="-")
        for line in sorted(_lacking):
            terminalreporter.write_line(line)
