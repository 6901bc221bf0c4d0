"""The contracts about which room may import which: they hold something, which the samples show."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

ROOMS = (
    "protocol", "seal", "transfers", "tickets", "links", "inbox", "sessions", "serving", "signaling", "remote", "lan",
    "daemon", "cli",
)  # fmt: skip
PURE_PARTS = {
    "signaling": ("rooms", "messages", "codec", "told", "limits", "client_address", "exchanged"),
    "remote": ("messages", "outbox", "meeting"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder)}
    )


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """An empty house under the real contracts."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    for room in ("", *ROOMS):
        (tmp_path / "qrshared" / room).mkdir()
        (tmp_path / "qrshared" / room / "__init__.py").touch()
    for module in ("settings", "errors", "assets"):
        (tmp_path / "qrshared" / f"{module}.py").touch()
    for room, modules in PURE_PARTS.items():
        for module in modules:
            (tmp_path / "qrshared" / room / f"{module}.py").touch()
    return tmp_path


def test_an_empty_house_keeps_the_contracts(sample: Path) -> None:
    ended = lint(sample)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("protocol", "import asyncio"),
        ("seal", "import time"),
        ("tickets", "from pathlib import Path"),
        ("transfers", "import socket"),
        ("seal", "from qrshared import protocol"),
        ("inbox", "from qrshared import links"),
        ("sessions", "from qrshared import lan"),
        ("serving", "from qrshared import tickets"),
        ("links", "from qrshared import daemon"),
        ("sessions", "from qrshared.settings import Settings"),
        ("inbox", "import qrshared.settings"),
        ("signaling", "import zeroconf"),
        ("sessions", "import aiortc"),
        ("signaling", "from qrshared import inbox"),
        ("unknown", "import os"),
    ],
)
def test_a_wrong_import_is_noticed(sample: Path, room: str, line: str) -> None:
    (sample / "qrshared" / room).mkdir(exist_ok=True)
    (sample / "qrshared" / room / "__init__.py").write_text(line + "\n")
    ended = lint(sample)
    assert ended.returncode == 1, ended.stdout
    assert "BROKEN" in ended.stdout


@pytest.mark.parametrize(("room", "module"), [(room, part) for room, parts in PURE_PARTS.items() for part in parts])
def test_a_pure_part_of_another_room_knows_no_loop(sample: Path, room: str, module: str) -> None:
    (sample / "qrshared" / room / f"{module}.py").write_text("import asyncio\n")
    assert lint(sample).returncode == 1


def test_downwards_is_allowed(sample: Path) -> None:
    (sample / "qrshared" / "sessions" / "__init__.py").write_text(
        "from qrshared import protocol, seal, transfers, tickets\n"
    )
    (sample / "qrshared" / "daemon" / "__init__.py").write_text("from qrshared import lan, settings, errors\n")
    assert lint(sample).returncode == 0
