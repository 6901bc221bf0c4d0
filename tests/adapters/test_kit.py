"""The self-hosting kit: what is written, who may read it, and that every program would understand its file.

The coturn file is really started (test_coturn.py). Docker, automatic HTTPS and a DNS name are not here: compose.yaml
is read as YAML against what it must hold, Caddyfile and Dockerfile by their syntax only.
"""

import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from qrshared import __version__
from qrshared.cli.kit import KitFolderTaken, KitPlaceRefused, WrongDomain, write_kit
from qrshared.cli.main import commands, main
from qrshared.signaling import CoturnTurn, read_turn_config

NAME = "share.my-home.net"


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    write_kit(tmp_path / "kit", NAME)
    return tmp_path / "kit"


def compose(kit: Path) -> dict[str, Any]:
    """The file with its variables filled in, as Docker does."""
    variables = dict(line.split("=", 1) for line in (kit / ".env").read_text().splitlines() if "=" in line)
    text = re.sub(r"\$\{(\w+)(:\?[^}]*)?\}", lambda found: variables[found[1]], (kit / "compose.yaml").read_text())
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def test_secrets_are_fresh_and_for_their_owner_only(kit: Path, tmp_path: Path) -> None:
    modes = {str(file.relative_to(kit)): stat.S_IMODE(file.stat().st_mode) for file in kit.rglob("*") if file.is_file()}
    assert modes == {
        "compose.yaml": 0o644, "Dockerfile": 0o644, "Caddyfile": 0o644, "README.md": 0o644, ".dockerignore": 0o644,
        ".env": 0o600, "turnserver.conf": 0o600, "secrets/turn": 0o600,
    }  # fmt: skip
    assert stat.S_IMODE((kit / "secrets").stat().st_mode) == 0o700
    secret = (kit / "secrets" / "turn").read_text().strip()
    assert len(secret) >= 43
    assert [file.name for file in sorted(kit.rglob("*")) if file.is_file() and secret in file.read_text()] == [
        "turn", "turnserver.conf",
    ]  # fmt: skip
    write_kit(tmp_path / "other", NAME)
    assert (tmp_path / "other" / "secrets" / "turn").read_text().strip() != secret


def test_no_place_is_left_open(kit: Path) -> None:
    for file in kit.rglob("*"):
        if file.is_file():
            assert not re.search(r"@[A-Z]+@", file.read_text()), file
    assert NAME in (kit / ".env").read_text()
    assert f"=={__version__}" in (kit / "Dockerfile").read_text()


def test_the_readme_has_ten_lines(kit: Path) -> None:
    lines = [line for line in (kit / "README.md").read_text().splitlines() if re.match(r"\d+\. ", line)]
    assert len(lines) == 10


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("mine")
    with pytest.raises(KitFolderTaken, match="something in"):
        write_kit(tmp_path, NAME)
    assert [file.name for file in tmp_path.iterdir()] == ["compose.yaml"]
    assert (tmp_path / "compose.yaml").read_text() == "mine"
    with pytest.raises(KitPlaceRefused):
        write_kit(tmp_path / "compose.yaml", NAME)


@pytest.mark.parametrize("domain", ["", "localhost", "https://a.example", "a.example/x", "a b.example", "-a.example",
                                    "a.example\n", "$(id).example", "a..example", "x" * 64 + ".example"])  # fmt: skip
def test_what_is_no_domain_writes_nothing(domain: str, tmp_path: Path) -> None:
    if domain == "a.example\n":
        assert write_kit(tmp_path / "kit", domain)  # only a line end that somebody copied along
        return
    with pytest.raises(WrongDomain):
        write_kit(tmp_path / "kit", domain)
    assert not (tmp_path / "kit").exists()


def test_compose_holds_the_four_and_opens_nothing_else(kit: Path) -> None:
    parsed = compose(kit)
    assert set(parsed["services"]) == {"edge", "redis", "turn", "caddy"}
    published = {name for name, service in parsed["services"].items() if "ports" in service}
    assert published == {"caddy"}, "the edge is reached through HTTPS only, Redis by nobody"
    assert parsed["services"]["redis"]["networks"] == ["bus"]
    assert parsed["networks"]["bus"]["internal"] is True
    for name in ("edge", "redis", "turn"):
        service = parsed["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["user"] not in ("", "root")
    assert float(parsed["services"]["turn"]["image"].partition(":")[2]) >= 4.9
    for service in parsed["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert not source.startswith("./") or (kit / source).is_file()
    assert (kit / parsed["secrets"]["turn"]["file"]).is_file()


def test_the_edges_words_are_words_of_the_program_and_fit_the_relay(kit: Path) -> None:
    parsed = compose(kit)
    words = dict(word.removeprefix("--").split("=", 1) for word in parsed["services"]["edge"]["command"])
    known = {option.name: option for option in commands.commands["signal"].params}
    for word in words:
        assert any(f"--{word}" in option.opts for option in known.values()), word
    secret = kit / "secrets" / "turn"
    assert words["turn-secret-file"] == "/run/secrets/turn"
    config = read_turn_config(turn_url=words["turn-url"], turn_secret_file=secret)
    assert config == CoturnTurn((f"turn:{NAME}:3478", f"turn:{NAME}:3478?transport=tcp"), secret.read_text().strip())
    assert words["trusted-proxy"] == parsed["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    conf = (kit / "turnserver.conf").read_text()
    assert f"static-auth-secret={secret.read_text().strip()}\n" in conf
    assert "listening-port=3478\n" in conf
    assert f"dynamic a edge {words['port']}\n" in (kit / "Caddyfile").read_text()


def test_caddyfile_and_dockerfile_have_the_shape_their_programs_read(kit: Path) -> None:
    """By syntax only: neither program is here."""
    depth = 0
    for line in (kit / "Caddyfile").read_text().splitlines():
        bare = line.partition("#")[0].rstrip().replace("{$DOMAIN}", "name")
        depth += bare.endswith("{")
        depth -= bare.strip() == "}"
        assert depth >= 0
    assert depth == 0
    words = [line.split()[0] for line in (kit / "Dockerfile").read_text().splitlines() if line and line[0] != "#"]
    assert words.count("FROM") == 2
    assert set(words) <= {"FROM", "RUN", "COPY", "ENV", "USER", "EXPOSE", "ENTRYPOINT"}
    assert "COPY --from=build" in (kit / "Dockerfile").read_text()


def test_the_command_writes_it_and_names_every_file(tmp_path: Path) -> None:
    ended = CliRunner().invoke(commands, ["signal", "--kit", str(tmp_path / "kit"), "--domain", NAME])
    assert ended.exit_code == 0, ended.output
    assert str(tmp_path / "kit" / "turnserver.conf") in ended.output
    assert (tmp_path / "kit" / "secrets" / "turn").read_text().strip() not in ended.output
    help_text = CliRunner().invoke(commands, ["--help"]).output
    assert re.search(r"^ +signal ", help_text, re.MULTILINE)


def test_the_wheel_carries_the_files_of_the_kit() -> None:
    folder = Path(__file__).resolve().parents[2] / "qrshared" / "cli" / "kit" / "files"
    assert {file.name for file in folder.iterdir()} == {
        "compose.yaml", "Dockerfile", "Caddyfile", "README.md", "dockerignore", "env", "turnserver.conf",
    }  # fmt: skip
    assert shutil.which("git") is None or not list(folder.glob(".*"))


@pytest.mark.parametrize(("user", "domain"), [(0, None), (1000, None), (1000, NAME)])
def test_what_is_left_to_do_with_a_kit_is_said(
    user: int, domain: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.getuid", lambda: user)
    words = [] if domain is None else ["--domain", domain]
    assert main(["signal", "--kit", str(tmp_path / "kit"), *words]) == 0
    said = capsys.readouterr().out
    assert ("KIT_USER" in said) == (user == 0)
    assert ("DOMAIN=" in said) == (domain is None)
