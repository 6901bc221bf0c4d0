"""What the service managers are given: the unit, the agent and the task, checked by the systems' own readers."""

import os
import plistlib
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from qrshared.cli.service.launchd import plist_bytes
from qrshared.cli.service.systemd import properties, quoted, sandbox_text, unit_text
from qrshared.cli.service.windows import task_xml
from tests.parts import find

STRANGE = "a b%h$HOME\"c\\d'e;f|ü"


def verify(folder: Path, unit: str, sandbox: str | None = None) -> str:
    """What systemd-analyze complains of; it ends with 0 even for a misspelt value, so only silence counts."""
    path = folder / "qrshared.service"
    path.write_text(unit)
    if sandbox is not None:
        (folder / "qrshared.service.d").mkdir(exist_ok=True)
        (folder / "qrshared.service.d" / "sandbox.conf").write_text(sandbox)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "SYSTEMD_LOG_LEVEL": "warning"}
    command = [find("systemd-analyze") or "systemd-analyze", "verify", "--user", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    return ended.stdout + ended.stderr + (f"exit code {ended.returncode}" if ended.returncode else "")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program at a path that would break careless quoting."""
    path = tmp_path / STRANGE / "qrshared"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_nothing_to_complain_about(tmp_path: Path, program: Path) -> None:
    unit = unit_text([str(program), "run", "--inbox", f"/home/x/{STRANGE}"])
    assert "ExecStart=/usr/bin/env " in unit
    assert verify(tmp_path, unit, sandbox_text(Path(f"/home/x/{STRANGE}"), Path("/home/x/data"))) == ""


@pytest.mark.needs("systemd-analyze")
def test_a_program_in_a_folder_with_spaces_is_run_directly(tmp_path: Path) -> None:
    path = tmp_path / "my programs 100%" / "qrshared"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    unit = unit_text([str(path), "run"])
    assert f'ExecStart="{path.parent}%/qrshared" run' in unit
    assert verify(tmp_path, unit) == ""


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Type=notify", "Type=notfy"),
        ("UMask=", "Umaks="),
        ("SystemCallFilter=@system-service", "SystemCallFilter=@sistem"),
        ("ExecStart=", "ExecStart=relative "),
    ],
)
def test_systemd_notices_a_mistake(tmp_path: Path, program: Path, right: str, wrong: str) -> None:
    unit = unit_text([str(program), "run"])
    assert right in unit
    assert verify(tmp_path, unit.replace(right, wrong, 1)) != ""


def test_every_line_of_the_unit_has_its_reason_above() -> None:
    for text in (unit_text(["/bin/true"]), sandbox_text(Path("/a"), Path("/b"))):
        seen_comment = False
        for line in text.splitlines():
            seen_comment = seen_comment or line.startswith("#")
            if not line:
                seen_comment = False
            assert not properties(line) or seen_comment or line.startswith(("Description", "WantedBy")), line


def test_no_placeholder_is_left() -> None:
    assert "@PROGRAM@" not in "\n".join(properties(unit_text(["/bin/true"])))
    assert "@" not in "".join(properties(sandbox_text(Path("/a"), Path("/b"))))


@pytest.mark.parametrize(
    ("word", "command", "setting"),
    [
        ("/usr/bin/x", "/usr/bin/x", "/usr/bin/x"),
        ("a b", '"a b"', '"a b"'),
        ("100%", "100%%", "100%%"),
        ("$HOME", '"$$HOME"', '"$HOME"'),
        ('say "x\\y"', '"say \\"x\\\\y\\""', '"say \\"x\\\\y\\""'),
        ("a\rExecStop=/bin/evil\x1b", '"a\\x0dExecStop=/bin/evil\\x1b"', '"a\\x0dExecStop=/bin/evil\\x1b"'),
        ("a\nExecStartPre=/bin/evil", '"a\\nExecStartPre=/bin/evil"', '"a\\nExecStartPre=/bin/evil"'),
        ("", '""', '""'),
        (";", '";"', '";"'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word: str, command: str, setting: str) -> None:
    assert quoted(word, is_command=True) == command
    assert quoted(word, is_command=False) == setting


def test_the_agent_is_a_property_list_that_is_never_throttled() -> None:
    agent = plistlib.loads(plist_bytes(["/Users/x/a b/qrshared", "run", "--name", "<&>"], log=Path("/Users/x/l.log")))
    assert agent["ProgramArguments"] == ["/Users/x/a b/qrshared", "run", "--name", "<&>"]
    assert agent["ProcessType"] != "Background"
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["Umask"] == 18
    assert agent["RunAtLoad"] is True


def test_the_task_is_utf16_and_keeps_its_words_apart() -> None:
    text = task_xml([r"C:\Users\a & b\pythonw.exe", "-m", "qrshared", "run", "--name", 'My "PC"'], user=r"PC\me & you")
    assert text[:2] in {b"\xff\xfe", b"\xfe\xff"}
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    task = ET.fromstring(text)
    assert task.findtext(f".//{space}Command") == r"C:\Users\a & b\pythonw.exe"
    assert task.findtext(f".//{space}Arguments") == r'-m qrshared run --name "My \"PC\""'
    assert {found.text for found in task.iter(f"{space}UserId")} == {r"PC\me & you"}
    assert task.findtext(f".//{space}RunLevel") == "LeastPrivilege"
    assert task.findtext(f".//{space}ExecutionTimeLimit") == "PT0S"
