"""The service on Windows: a task at this user's logon, without administrator rights. Checked by its syntax only."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from qrshared.cli.service.running import Run, must
from qrshared.cli.service.state import ServiceState

TASK = "qrshared"


def task_xml(command: Sequence[str], *, user: str) -> bytes:
    """The task for `schtasks /Create /XML`, which wants UTF-16 with a mark."""
    program, *arguments = command
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>qrshared: files from phones, by scanning a code</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled><UserId>{escape(user)}</UserId></LogonTrigger></Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>
    <Priority>5</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec><Command>{escape(program)}</Command><Arguments>{escape(subprocess.list2cmdline(arguments))}</Arguments></Exec>
  </Actions>
</Task>
""".encode("utf-16")


@dataclass(frozen=True, slots=True)
class LogonTask:
    """The task scheduler as this user sees it; `file` keeps the task's text."""

    run: Run
    say: Callable[[str], None]
    file: Path
    user: str

    def prepare(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def install(self, command: Sequence[str], *, inbox: Path, data_dir: Path) -> None:
        del inbox, data_dir  # the task scheduler knows no sandbox
        self.file.write_bytes(task_xml(command, user=self.user))
        must(self.run, "schtasks", "/Create", "/TN", TASK, "/XML", str(self.file), "/F")
        must(self.run, "schtasks", "/Run", "/TN", TASK)

    def remove(self) -> bool:
        self.run("schtasks", "/End", "/TN", TASK)
        was_there = self.run("schtasks", "/Delete", "/TN", TASK, "/F").is_fine
        self.file.unlink(missing_ok=True)
        return was_there

    def state(self) -> ServiceState:
        # Only the exit code: the words of /Query follow the language of Windows.
        is_installed = self.run("schtasks", "/Query", "/TN", TASK).is_fine
        listed = self.run("tasklist", "/FI", "IMAGENAME eq pythonw.exe", "/NH").text
        return ServiceState(is_installed, is_running=is_installed and "pythonw.exe" in listed.lower())
