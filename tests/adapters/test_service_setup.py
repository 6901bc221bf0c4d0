"""Installing and removing the service, step by step, in a home folder and with a service manager made of paper."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from qrshared.cli.service import (
    DidNotStart,
    LingerRefused,
    NoSystemd,
    Plan,
    Ran,
    StillRunning,
    SystemdSilent,
    install,
    plan,
    remove,
    status,
)
from qrshared.cli.service.launchd import Launchd
from qrshared.cli.service.program import Origin, forget_other_programs, is_in_clone, link_command, make_program
from qrshared.cli.service.setup import delete_all_but, run_arguments
from qrshared.cli.service.systemd import Systemd
from qrshared.cli.service.windows import LogonTask
from qrshared.daemon.inboxes import opened_inboxes
from qrshared.errors import UserError
from qrshared.inbox import remember_inbox
from qrshared.local import FolderLock
from qrshared.settings import Settings, load_settings, make_data_dir

Answer = Ran | Callable[[tuple[str, ...]], Ran]


@dataclass
class Paper:
    """Answers commands by how they begin, and remembers them; what nobody wrote an answer for succeeds."""

    answers: dict[str, Answer] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    def __call__(self, *command: str, within_s: float = 0) -> Ran:
        line = " ".join(command)
        self.commands.append(line)
        for start, answer in self.answers.items():
            if line.startswith(start):
                return answer if isinstance(answer, Ran) else answer(command)
        return Ran(0, "")

    def ran(self, start: str) -> list[str]:
        return [line for line in self.commands if line.startswith(start)]


@pytest.fixture
def paper() -> Paper:
    return Paper({"firewall-cmd": Ran(127, ""), "nft": Ran(127, ""), "ufw": Ran(127, "")})


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def systemd(tmp_path: Path, paper: Paper, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (tmp_path / "linger").mkdir()
    (tmp_path / "linger" / "anna").touch()
    (tmp_path / "run" / "1000").mkdir(parents=True)
    return Systemd(
        run=paper,
        say=said.append,
        units=tmp_path / "units",
        user="anna",
        uid=1000,
        linger_dir=tmp_path / "linger",
        runtime_root=tmp_path / "run",
        booted=tmp_path,
        pause=lambda _: None,
    )


@pytest.fixture
def planned(tmp_path: Path, paper: Paper, said: list[str], systemd: Systemd) -> Plan:
    return Plan(
        data_dir=tmp_path / "data",
        inbox=tmp_path / "inbox",
        port=7774,
        arguments=("--port", "7774"),
        bin_dir=tmp_path / "bin",
        starter=systemd,
        run=paper,
        say=said.append,
    )


@pytest.fixture
def stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed qrshared that is in no clone."""
    entry = tmp_path / "pipx" / "bin" / "qrshared"
    entry.parent.mkdir(parents=True)
    entry.touch()
    origin = Origin(tmp_path / "pipx", "qrshared==0", is_in_clone=False)
    monkeypatch.setattr("qrshared.cli.service.setup.find_origin", lambda: origin)
    return entry


def unit(systemd: Systemd) -> Path:
    return systemd.units / "qrshared.service"


def test_install_writes_the_unit_and_starts_it(planned: Plan, systemd: Systemd, paper: Paper, stays: Path) -> None:
    install(planned)
    assert f"ExecStart={stays} run --port 7774" in unit(systemd).read_text()
    assert (systemd.units / "qrshared.service.d" / "sandbox.conf").exists()
    steps = ["systemctl --user daemon-reload", "systemctl --user enable", "systemctl --user restart"]
    places = [paper.commands.index(paper.ran(step)[0]) for step in steps]
    assert places == sorted(places)
    assert planned.inbox.is_dir()
    assert os.environ["XDG_RUNTIME_DIR"] == str(systemd.runtime_root / "1000"), "as over SSH, where nobody set it"
    assert not list(planned.data_dir.glob("program*")), "what stays is not copied"


def test_a_system_that_forbids_the_sandbox_goes_without(
    planned: Plan, systemd: Systemd, paper: Paper, stays: Path, said: list[str]
) -> None:
    install(planned)
    paper.answers["systemd-run"] = Ran(1, "no user namespaces")
    install(planned)
    assert not (systemd.units / "qrshared.service.d" / "sandbox.conf").exists()
    assert any("without it" in line for line in said)


def test_the_trial_runs_with_the_very_lines_of_the_sandbox(
    planned: Plan, systemd: Systemd, paper: Paper, stays: Path
) -> None:
    install(planned)
    sandbox = (systemd.units / "qrshared.service.d" / "sandbox.conf").read_text()
    lines = [line for line in sandbox.splitlines() if "=" in line and not line.startswith("#")]
    assert len(lines) > 8
    assert all(f"-p {line}" in paper.ran("systemd-run")[0] for line in lines)


def test_lingering_is_switched_on_or_the_command_is_said_before_anything_changes(
    planned: Plan, systemd: Systemd, paper: Paper, stays: Path
) -> None:
    (systemd.linger_dir / "anna").unlink()
    paper.answers["loginctl enable-linger anna"] = Ran(1, "Access denied")
    with pytest.raises(LingerRefused, match="sudo loginctl enable-linger anna"):
        install(planned)
    assert not systemd.units.exists()
    assert not planned.data_dir.exists()
    del paper.answers["loginctl enable-linger anna"]
    install(planned)
    assert unit(systemd).exists()


def test_the_manager_may_take_a_moment_after_lingering_was_switched_on(
    planned: Plan, systemd: Systemd, paper: Paper, stays: Path
) -> None:
    answers = iter([Ran(1, "Failed to connect"), Ran(1, "Failed to connect")])
    paper.answers["systemctl --user show-environment"] = lambda _: next(answers, Ran(0, ""))
    install(planned)
    paper.answers["systemctl --user show-environment"] = Ran(1, "Failed to connect to bus")
    with pytest.raises(SystemdSilent, match="Failed to connect to bus"):
        install(planned)


def test_a_system_without_systemd_gets_a_sentence(planned: Plan, paper: Paper, stays: Path) -> None:
    paper.answers["systemctl --version"] = Ran(127, "systemctl: not found")
    with pytest.raises(NoSystemd, match="qrshared run"):
        install(planned)


def test_a_container_with_systemctl_but_without_systemd_says_so_before_anything_is_changed(
    planned: Plan, paper: Paper, tmp_path: Path
) -> None:
    assert isinstance(planned.starter, Systemd)
    with pytest.raises(NoSystemd, match="qrshared run"):
        install(replace(planned, starter=replace(planned.starter, booted=tmp_path / "not there")))
    assert not paper.commands


def test_a_daemon_that_does_not_start_is_stopped_and_quoted(planned: Plan, paper: Paper, stays: Path) -> None:
    paper.answers["systemctl --user restart"] = Ran(1, "Job failed")
    paper.answers["journalctl"] = Ran(0, "qrshared is already running, started 5 min ago")
    with pytest.raises(DidNotStart, match="already running, started 5 min ago"):
        install(planned)
    assert paper.ran("systemctl --user stop")


def test_remove_leaves_the_inbox_and_the_data(planned: Plan, systemd: Systemd, paper: Paper, stays: Path) -> None:
    install(planned)
    (planned.inbox / "photo.jpg").write_text("whole")
    remove(planned, purge=False)
    assert not unit(systemd).exists()
    assert not (systemd.units / "qrshared.service.d").exists()
    assert paper.ran("systemctl --user disable --now qrshared.service")
    assert planned.data_dir.is_dir()
    remove(planned, purge=False)  # and again, with nothing there
    assert (planned.inbox / "photo.jpg").read_text() == "whole"


@pytest.mark.parametrize("inbox", ["inbox", "data/inbox", "data", "."])
def test_purge_removes_all_but_the_inbox(planned: Plan, tmp_path: Path, stays: Path, inbox: str) -> None:
    make_data_dir(planned.data_dir)
    planned = replace(planned, inbox=tmp_path / inbox)
    install(planned)
    (planned.data_dir / "devices.json").write_text("keys")
    (planned.data_dir / "link").symlink_to(tmp_path)
    (planned.inbox / "photo.jpg").write_text("whole")
    remove(planned, purge=True)
    assert (planned.inbox / "photo.jpg").read_text() == "whole"
    if inbox != "data":
        assert not (planned.data_dir / "devices.json").exists()
    assert stays.exists(), "a link in the data folder was followed"


async def test_purge_takes_what_is_ours_out_of_every_inbox_there_was_and_leaves_all_files(
    planned: Plan, tmp_path: Path, said: list[str]
) -> None:
    make_data_dir(planned.data_dir)
    folders = [planned.inbox, tmp_path / "before", planned.data_dir / "first"]
    for folder in folders:
        async with opened_inboxes(Settings(inbox=folder, data_dir=planned.data_dir)):
            (folder / "photo.jpg").write_text("whole")
            (folder / "Outbox").mkdir()
    (tmp_path / "before" / "Outbox" / "film.mp4").write_text("for a phone")
    async with opened_inboxes(Settings(inbox=tmp_path / "stranger's", data_dir=tmp_path / "other")):
        (tmp_path / "stranger's" / "Outbox").mkdir()
        remember_inbox(planned.data_dir, tmp_path / "stranger's")  # once ours; another data folder's daemon has it now
        remove(planned, purge=True)
        theirs = sorted(one.name for one in (tmp_path / "stranger's").iterdir())
        assert theirs == [".qrshared-lock", "Outbox"]
    assert [sorted(one.name for one in folder.iterdir()) for folder in folders] == [
        ["photo.jpg"], ["Outbox", "photo.jpg"], ["photo.jpg"],
    ]  # fmt: skip
    assert [one.name for one in planned.data_dir.iterdir()] == ["first"]
    assert all(str(folder) in said[-1] for folder in folders)


def test_purge_deletes_nothing_under_a_daemon_that_runs(planned: Plan) -> None:
    make_data_dir(planned.data_dir)
    (planned.data_dir / "devices.json").write_text("keys")
    daemon = FolderLock(planned.data_dir)
    daemon.take()
    with pytest.raises(StillRunning, match=rf"qrshared runs \(process {os.getpid()}\): stop it first"):
        remove(planned, purge=True)
    assert (planned.data_dir / "devices.json").read_text() == "keys"
    daemon.give_back()
    remove(planned, purge=True)
    assert not planned.data_dir.exists()


def test_purge_keeps_a_folder_that_held_other_things(planned: Plan, stays: Path, said: list[str]) -> None:
    planned.data_dir.mkdir(mode=0o700)
    (planned.data_dir / "thesis.odt").write_text("years of work")
    install(planned)
    remove(planned, purge=True)
    assert (planned.data_dir / "thesis.odt").exists()
    assert any("by hand" in line for line in said)


def test_status_says_what_is_wrong(planned: Plan, systemd: Systemd, paper: Paper, stays: Path) -> None:
    assert not status(planned).is_installed
    install(planned)
    paper.answers["systemctl --user show qrshared"] = Ran(
        0, "ActiveState=active\nUnitFileState=enabled\nMainPID=42\nStatusText=3 devices\nNRestarts=2\nLoadState=loaded"
    )
    (systemd.linger_dir / "anna").unlink()
    found = status(planned)
    assert (found.is_installed, found.is_running, found.pid) == (True, True, 42)
    text = "\n".join(found.details)
    assert "3 devices" in text
    assert "restarted 2 times" in text
    assert "sudo loginctl enable-linger anna" in text


def test_a_program_in_a_clone_is_copied_with_the_versions_that_run(
    tmp_path: Path, paper: Paper, said: list[str]
) -> None:
    data_dir = tmp_path / "data"
    entry = make_program(
        Origin(tmp_path / "clone/.venv", "/clone", is_in_clone=True), data_dir, run=paper, say=said.append
    )
    assert entry.is_relative_to(data_dir / "program")
    venv, pip, trial = paper.commands
    assert " -m venv " in venv
    assert pip.endswith(" /clone")
    assert str(entry.parent.parent) in pip
    constraints = Path(pip.split("--constraint ")[1].split()[0]).read_text().splitlines()
    assert any(line.startswith("aiohttp==") for line in constraints)
    assert not any(line.startswith("qrshared==") for line in constraints)
    assert trial.endswith("-m qrshared --help")


def test_a_copy_that_fails_leaves_nothing_and_says_why(tmp_path: Path, paper: Paper, said: list[str]) -> None:
    paper.answers[sys.executable] = Ran(1, "noise\nERROR: No matching distribution found for aiohttp")
    with pytest.raises(UserError, match="No matching distribution"):
        make_program(Origin(tmp_path, "/clone", is_in_clone=True), tmp_path / "data", run=paper, say=said.append)
    assert [path.name for path in (tmp_path / "data" / "program").iterdir()] == ["versions.txt"]


def test_old_copies_go_and_the_present_one_stays(tmp_path: Path) -> None:
    old, new = tmp_path / "program" / "1", tmp_path / "program" / "2"
    old.mkdir(parents=True)
    new.mkdir()
    forget_other_programs(tmp_path, keep=new / "bin" / "qrshared")
    assert not old.exists()
    assert new.exists()
    forget_other_programs(tmp_path, keep=None)
    assert not (tmp_path / "program").exists()


def test_the_command_is_linked_but_nobody_elses_is_replaced(tmp_path: Path) -> None:
    data_dir, bin_dir = tmp_path / "data", tmp_path / "bin"
    entry = data_dir / "program" / "1" / "bin" / "qrshared"
    assert link_command(entry, data_dir, bin_dir=bin_dir) == str(bin_dir / "qrshared")
    assert (bin_dir / "qrshared").readlink() == entry
    assert link_command(data_dir / "program/2/bin/qrshared", data_dir, bin_dir=bin_dir)
    assert (bin_dir / "qrshared").readlink() == data_dir / "program/2/bin/qrshared"
    (bin_dir / "qrshared").unlink()
    (bin_dir / "qrshared").symlink_to("/usr/bin/true")
    assert link_command(entry, data_dir, bin_dir=bin_dir) is None
    assert (bin_dir / "qrshared").readlink() == Path("/usr/bin/true")
    assert link_command(tmp_path / "pipx/bin/qrshared", data_dir, bin_dir=bin_dir) is None


def test_a_clone_is_known_by_its_top(tmp_path: Path) -> None:
    (tmp_path / "clone" / "qrshared").mkdir(parents=True)
    (tmp_path / "clone" / "pyproject.toml").touch()
    assert is_in_clone(tmp_path / "clone" / ".venv")
    assert not is_in_clone(tmp_path / "pipx" / "venvs" / "qrshared")


def test_what_came_from_flags_and_variables_becomes_flags_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('name = "From file"\n')
    (tmp_path / "config.toml").chmod(0o600)
    loaded = load_settings(
        flags={"data_dir": tmp_path, "mdns": False, "file_mode": "640"},
        environment={"PORT": "0", "QRSHARED_INBOX": "/in box"},
    )
    assert sorted(run_arguments(loaded)) == sorted(
        ["--port", "0", "--inbox", "/in box", "--data-dir", str(tmp_path), "--no-mdns", "--file-mode", "640"]
    )
    assert plan(loaded, say=print).arguments == tuple(run_arguments(loaded))


def test_deleting_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").touch()
    inner = tmp_path / "data" / "deep" / "inbox"
    inner.mkdir(parents=True)
    (inner / "b").touch()
    (tmp_path / "data" / "deep" / "c").touch()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "outside")
    delete_all_but(tmp_path / "data", [inner])
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == ["b", "deep", "inbox"]
    assert (tmp_path / "outside" / "a").exists()


def test_launchd_takes_the_users_domain_where_there_is_no_screen(tmp_path: Path, paper: Paper, said: list[str]) -> None:
    agent = Launchd(paper, said.append, tmp_path / "LaunchAgents", 501)
    agent.prepare()
    agent.install(["/x/qrshared", "run"], inbox=tmp_path, data_dir=tmp_path)
    assert len(paper.ran("launchctl bootstrap")) == 1
    paper.answers["launchctl bootstrap gui/501"] = Ran(125, "Domain does not support specified action")
    agent.install(["/x/qrshared", "run"], inbox=tmp_path, data_dir=tmp_path)
    assert paper.ran("launchctl bootstrap user/501")
    paper.answers["launchctl print gui/501"] = Ran(0, "x = {\n\tstate = running\n\tpid = 7\n}")
    assert (agent.state().is_running, agent.state().pid) == (True, 7)
    assert agent.remove()
    assert not agent.file.exists()


def test_the_logon_task_is_made_started_and_deleted(tmp_path: Path, paper: Paper, said: list[str]) -> None:
    task = LogonTask(paper, said.append, tmp_path / "service.xml", r"PC\me")
    task.prepare()
    task.install([r"C:\p.exe", "-m", "qrshared", "run"], inbox=tmp_path, data_dir=tmp_path)
    assert paper.commands == [
        f"schtasks /Create /TN qrshared /XML {tmp_path / 'service.xml'} /F",
        "schtasks /Run /TN qrshared",
    ]
    assert task.remove()
    assert not (tmp_path / "service.xml").exists()
