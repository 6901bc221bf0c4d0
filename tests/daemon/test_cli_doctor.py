"""`qrshared doctor --remote` against a real edge, a real relay, and everything that can be wrong with them."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qrshared.cli.doctor import say_findings
from qrshared.remote.checkup import PAGE_BYTES_MAX, Finding
from qrshared.serving import BuiltPage, PageAt
from qrshared.signaling.messages import VERSION
from tests.adapters.coturn_world import SERVER, coturn
from tests.adapters.signaling_world import CountingTurn, edge
from tests.daemon.test_cli_processes import Home
from tests.daemon.test_edge_page import build
from tests.house.tree import ROOT

NO_STUN = ("--stun", "none")
DEAD = "stun:127.0.0.1:9"


async def doctor(
    folder: Path, *words: str, before: tuple[str, ...] = (), **variables: str
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and every finding."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *before, sys.executable, "-m", "qrshared.cli.main", "doctor", "--remote", "--json",
        "--data-dir", str(folder / "data"), *words,
        env={**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT), **variables},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, wrong = await process.communicate()
    assert b"Traceback" not in wrong, wrong.decode()
    findings: list[dict[str, Any]] = json.loads(said)
    for finding in findings:
        assert set(finding) == {"check", "ok", "seen", "advice"}
        assert finding["ok"] or finding["advice"], "whatever is not well says what to do"
    assert process.returncode is not None
    return process.returncode, findings


def of(findings: list[dict[str, Any]], check: str) -> dict[str, Any]:
    (found,) = (finding for finding in findings if finding["check"] == check)
    return found


def relays_in(findings: list[dict[str, Any]]) -> list[str]:
    """What was seen of relays that are well."""
    return [finding["seen"] for finding in findings if finding["check"] == "relay" and finding["ok"]]


def is_well(findings: list[dict[str, Any]]) -> bool:
    """All but that the edges of these tests are on this very computer, where phones do not reach them."""
    return {finding["check"] for finding in findings if not finding["ok"]} <= {"edge address"}


@pytest.fixture
def page(tmp_path: Path) -> BuiltPage:
    return BuiltPage.load(build(tmp_path / "page"), at=PageAt.EDGE)


async def test_a_good_edge_without_a_relay_is_well(tmp_path: Path, page: BuiltPage) -> None:
    async with edge(page=page) as replica:
        for url in (replica.url, replica.url.replace("http", "ws") + "/signal"):
            code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN)
            assert code == 1
            assert is_well(findings), findings
            checks = [finding["check"] for finding in findings]
            assert checks == [
                "edge", "edge TLS", "edge address", "edge version", "edge page", "STUN", "relay", "daemon", "relay use",
            ]  # fmt: skip
            assert "this computer only" in of(findings, "edge address")["seen"]
            assert of(findings, "daemon")["advice"] == ""


@pytest.mark.parametrize(("is_down", "seen"), [(True, "gave none now"), (False, "not to be found on the internet")])
async def test_a_relay_that_the_edge_cannot_lend_is_named(
    tmp_path: Path, page: BuiltPage, is_down: bool, seen: str
) -> None:
    turn = CountingTurn()  # its relay's name is nobody's
    turn.is_down = is_down
    async with edge(page=page, turn=turn) as replica:
        code, findings = await doctor(tmp_path, "--edge", replica.url, *NO_STUN)
    assert code == 1
    assert seen in of(findings, "relay")["seen"]
    assert "whoever runs the edge" in of(findings, "relay")["advice"]
    assert len(turn.labels) == 1


async def test_an_edge_that_is_down_and_a_dead_stun_and_none_at_all(tmp_path: Path) -> None:
    code, findings = await doctor(tmp_path, "--edge", "http://127.0.0.1:1", "--stun", DEAD)
    assert code == 1
    assert not of(findings, "edge")["ok"]
    assert "does not answer" in of(findings, "edge")["seen"]
    assert not of(findings, "STUN")["ok"]
    assert DEAD in of(findings, "STUN")["seen"]
    code, findings = await doctor(tmp_path, *NO_STUN)
    assert code == 1
    assert "config set edge" in of(findings, "edge")["advice"]


@asynccontextmanager
async def server(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_another_web_server_is_no_edge_and_an_older_edge_is_named(tmp_path: Path) -> None:
    async def other_version(request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_json({"t": "welcome", "version": VERSION + 1})
        await websocket.receive()
        return websocket

    async with server(web.Application()) as url:
        code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN)
        assert code == 1
        assert "no qrshared edge" in of(findings, "edge version")["seen"]
    app = web.Application()
    app.router.add_get("/signal", other_version)
    async with server(app) as url:
        code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN)
        assert code == 1
        assert f"version {VERSION + 1}" in of(findings, "edge version")["seen"]


async def test_an_edge_cannot_have_another_address_asked_for_from_inside(tmp_path: Path) -> None:
    asked = list[str]()

    async def reboot(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async def sends_away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/reboot"})

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "sessions": 0, "timestamp": 0})

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/signal", sends_away)
    app.router.add_get("/p", sends_away)
    app.router.add_get("/reboot", reboot)
    async with server(app) as url:
        code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN)
    assert code == 1, findings
    assert of(findings, "edge")["ok"], "control: it went on to the line"
    assert asked == []


async def test_a_proxy_whose_edge_is_gone_and_an_edge_without_a_page(tmp_path: Path) -> None:
    async def gone(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=502)

    app = web.Application()
    app.router.add_get("/health", gone)
    async with server(app) as url:
        code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN)
        assert code == 1
        assert "502" in of(findings, "edge at work")["seen"]
    async with edge(page=BuiltPage({})) as replica:
        code, findings = await doctor(tmp_path, "--edge", replica.url, *NO_STUN)
        assert code == 1
        assert "503" in of(findings, "edge page")["seen"]
    assert 2 * (ROOT / "web" / "src" / "index.html").stat().st_size < PAGE_BYTES_MAX


def certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, Path]:
    """One that signs itself; who trusts the file trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / f"{address}.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption_algorithm=plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context, file


@asynccontextmanager
async def https_before(port: int, tls: ssl.SSLContext) -> AsyncIterator[str]:
    """Passes bytes on, as a proxy that ends TLS does."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def visitor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    listening = await asyncio.start_server(visitor, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_a_certificate_is_good_or_the_wrong_one_is_named(tmp_path: Path, page: BuiltPage) -> None:
    async with edge(page=page) as replica:
        tls, trusted = certificate(tmp_path, "127.0.0.1")
        async with https_before(replica.port, tls) as url:
            _, findings = await doctor(tmp_path, "--edge", url, *NO_STUN, SSL_CERT_FILE=str(trusted))
            assert is_well(findings), findings
            assert "certificate is good" in of(findings, "edge TLS")["seen"]
            code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN)
            assert code == 1
            assert "self-signed" in of(findings, "edge TLS")["seen"]
        tls, trusted = certificate(tmp_path, "192.0.2.7")
        async with https_before(replica.port, tls) as url:
            code, findings = await doctor(tmp_path, "--edge", url, *NO_STUN, SSL_CERT_FILE=str(trusted))
            assert code == 1
            assert "127.0.0.1" in of(findings, "edge TLS")["seen"]
        code, findings = await doctor(tmp_path, "--edge", replica.url.replace("http", "https"), *NO_STUN)
        assert code == 1
        assert "does not speak HTTPS" in of(findings, "edge TLS")["seen"]


@pytest.mark.needs("coturn", "netns")
async def test_a_relay_carries_a_packet_and_each_way_it_does_not_is_named(tmp_path: Path) -> None:
    async with coturn(tmp_path) as relay:
        secret = tmp_path / "kit" / "secrets" / "turn"
        false = tmp_path / "false"
        false.write_text("another\n")
        urls = f"{relay.url},{relay.url}?transport=tcp"
        inside = tuple(relay.client.command())

        async def ask(url: str, file: Path, stun: str = f"stun:{SERVER}") -> tuple[int, list[dict[str, Any]]]:
            words = ("--turn-url", url, "--turn-secret-file", str(file), "--stun", stun)
            return await doctor(tmp_path, *words, before=inside)

        _, findings = await ask(urls, secret)
        relays = [finding for finding in findings if finding["check"] == "relay"]
        assert [(found["ok"], found["seen"].split()[0]) for found in relays] == [(True, url) for url in urls.split(",")]
        assert of(findings, "STUN")["ok"]
        assert secret.read_text().strip() not in json.dumps(findings)

        code, findings = await ask(relay.url, false)
        assert code == 1
        assert "static-auth-secret" in of(findings, "relay")["advice"]

        _, findings = await ask(f"turn:{SERVER}:9?transport=tcp", secret, f"stun:{SERVER}:9")
        assert "does not answer" in of(findings, "relay")["seen"]
        assert not of(findings, "STUN")["ok"]

        _, findings = await ask(relay.url, tmp_path / "nowhere")
        assert "There is no secret" in of(findings, "relay")["advice"]


@pytest.mark.needs("coturn", "netns")
async def test_everything_together_is_well(tmp_path: Path, page: BuiltPage) -> None:
    """Edge and relay on one machine, asked from another; over plain HTTP, which is all that is not well."""
    async with coturn(tmp_path) as relay:
        secret = tmp_path / "kit" / "secrets" / "turn"
        process = await relay.server.start(
            sys.executable, "-m", "qrshared.cli.main", "signal", "--host", SERVER, "--port", "7780",
            "--turn-url", relay.url, "--turn-secret-file", str(secret),
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                while b"Ctrl-C stops it" not in (line := await process.stdout.readline()):
                    assert line, "it ended"
            _, findings = await doctor(
                tmp_path, "--edge", f"http://{SERVER}:7780", "--turn-url", relay.url, "--turn-secret-file", str(secret),
                "--stun", f"stun:{SERVER}", before=tuple(relay.client.command()),
            )  # fmt: skip
            _, without = await doctor(
                tmp_path, "--edge", f"http://{SERVER}:7780", "--stun", f"stun:{SERVER}",
                before=tuple(relay.client.command()),
            )  # fmt: skip
        finally:
            process.kill()
            await process.wait()
        well = {finding["check"] for finding in findings if finding["ok"]}
        assert well >= {"edge", "edge version", "STUN", "relay"}
        assert "hands out relays" in of(findings, "edge version")["seen"]
        assert "plain HTTP" in of(findings, "edge TLS")["seen"]
        (own,) = relays_in(findings)
        whose, lent = relays_in(without)
        assert "none of this computer's own: the edge lends one" in whose
        assert own == lent == f"{relay.url} carries packets both ways"


def test_what_is_well_is_one_line_and_advice_on_it_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    say_findings([Finding("edge", True, "none", "Set one."), Finding("port", False, "closed", "Open it.")])
    assert capsys.readouterr().out.split("\n") == [
        "ok   edge         none",
        "FAIL port         closed",
        "                  Open it.",
        "",
        "Good to know:",
        "     edge         Set one.",
        "",
    ]
    say_findings([Finding("port", True, "open")])
    assert capsys.readouterr().out == "ok   port         open\n"


async def test_for_people_it_is_lines(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "qrshared.cli.main", "doctor"]
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for extra, code, sentence in (
        (["--remote", "--data-dir", str(tmp_path), *NO_STUN], 1, "FAIL edge"),
        (["--remote=1"], 2, "--remote"),
    ):
        process = await asyncio.create_subprocess_exec(
            *words, *extra, env=kept, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert process.returncode == code
        assert sentence in said.decode()


async def test_a_running_daemon_says_which_edge_it_uses_and_how_it_fares(tmp_path: Path, page: BuiltPage) -> None:
    home = Home(tmp_path)
    async with edge(page=page) as replica:
        with home.daemon(("--edge", replica.url, *NO_STUN)):
            async with asyncio.timeout(60):
                while not is_well((found := await doctor(tmp_path, *NO_STUN))[1]):  # it may still be connecting
                    assert of(found[1], "edge")["ok"], "the daemon's edge is looked at without being named again"
            assert "connected" in of(found[1], "daemon")["seen"]
            assert "0 B in " in of(found[1], "relay use")["seen"]
            other = replica.url.replace("127.0.0.1", "localhost")
            _, findings = await doctor(tmp_path, "--edge", other, *NO_STUN)
            assert replica.url in of(findings, "other edge")["seen"]
            assert other in of(findings, "other edge")["seen"]
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    relay = ("--turn-url", "turn:127.0.0.1:9", "--turn-secret-file", str(secret))
    with home.daemon(("--edge", "http://127.0.0.1:1", *NO_STUN, *relay)):
        code, findings = await doctor(tmp_path, *NO_STUN)
        assert code == 1
        assert "coturn" in of(findings, "relay")["seen"]
        assert not of(findings, "daemon")["ok"]
        assert "http://127.0.0.1:1" in of(findings, "daemon")["seen"]
