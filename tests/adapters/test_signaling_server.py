"""An edge with real sockets: introductions, every limit exceeded, and a good pair that meets all the while."""

import asyncio
import dataclasses
import ipaddress
import json
import logging

import pytest

from qrshared.signaling import EdgeLimits, EdgePlaceRefused, EdgePortInUse, EdgeServer, MemoryBoard, MemoryBus
from qrshared.signaling.limits import BLOB_CHARACTERS_MAX
from qrshared.signaling.line import DIRECT_BYTES_MAX
from tests.adapters.signaling_world import FREE, GENEROUS, Peer, edge, meet, room_id, session_of_many
from tests.waiting import until


async def test_two_peers_meet_and_hear_when_the_other_leaves() -> None:
    async with edge() as replica:
        await meet(replica)
        room = room_id()
        async with replica.peer() as a:
            await a.join(room)
            async with replica.peer() as b:
                (state,) = await b.join(room)
                await a.hear("joined")
            assert await a.hear("left") == {"t": "left", "room": room, "peer": state["you"]}
            assert (await replica.json("/health"))["sessions"] == 1
        await until(lambda: replica.server.edge.rooms.occupied == 0)


async def test_envelopes_of_one_sender_keep_their_order_and_size() -> None:
    room = room_id()
    patient = dataclasses.replace(FREE, unread_messages=10**6, unread_bytes=10**9)  # both ends share one loop here
    async with edge(limits=patient) as replica, replica.peer() as a, replica.peer() as b:
        await a.join(room)
        (state,) = await b.join(room)
        await a.hear("joined")
        sizes = [0, 1, DIRECT_BYTES_MAX, BLOB_CHARACTERS_MAX, 5] * 40

        async def write() -> None:
            for seq, size in enumerate(sizes):
                await a.say(t="relay", room=room, to=state["you"], seq=seq, blob="A" * size)
                if seq % 20 == 0:
                    await a.silent()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            heard = [await b.hear("relayed") for _ in sizes]
        assert [(each["seq"], len(each["blob"])) for each in heard] == list(enumerate(sizes))


TABLE = EdgeLimits(sockets=10_000)
"""The table's own numbers."""

# --- strangers


async def test_a_flood_of_everything_wrong_leaves_a_good_pair_alone() -> None:
    """Half a request, silence, rubbish, oversize: hundreds of sockets of it, from addresses of their own."""
    limits = dataclasses.replace(TABLE, join_deadline_s=3)
    wrong = [
        b"",
        b"GET /signal HT",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /signal HTTP/1.1\r\n",
    ]
    async with edge(limits=limits) as replica:
        writers = []
        for number in range(600):
            source = (f"127.0.1.{number % 20 + 1}", 0)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", replica.port, local_addr=source)
            except OSError:
                continue
            writer.write(wrong[number % len(wrong)])
            writers.append(writer)
        began = asyncio.get_running_loop().time()
        await meet(replica)
        assert asyncio.get_running_loop().time() - began < 5
        for writer in writers:
            writer.close()


async def test_a_foreign_page_gets_an_empty_room_and_nothing_else() -> None:
    async with edge() as replica, replica.peer(Origin="https://evil.example") as foreign:
        (state,) = await foreign.join(room_id())
        assert state["peers"] == []
        await meet(replica)
        await foreign.silent()
        for path in ("/", "/p", "/health", "/ready"):
            assert await replica.status(path, Origin="https://evil.example") == 403
            assert await replica.status(path) == 200
        async with replica.session.options(
            f"{replica.url}/signal", headers={"Origin": "https://evil.example"}
        ) as answer:
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET http://elsewhere.example/ HTTP/1.1\r\nHost: a", 400),
        ("GET / HTTP/1.1\r\nHost: a;script-src *", 400),
        ("GET /signal HTTP/1.1\r\nHost: a", 426),
        ("POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0", 405),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip", 415),
        ("GET /metrics HTTP/1.1\r\nHost: a", 404),
        ("GET /owner HTTP/1.1\r\nHost: a", 404),
        ("GET /assets/../../secret HTTP/1.1\r\nHost: a", 404),
    ],
)
async def test_requests_that_are_none_of_ours(request_line: str, status: int) -> None:
    async with edge() as replica:
        reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
        writer.write(f"{request_line}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_who_opens_an_address_that_is_not_there_reads_a_sentence() -> None:
    async with edge() as replica, replica.session.get(f"{replica.url}/nosuch") as answer:
        assert (answer.status, answer.content_type) == (404, "text/html")
        assert "There is nothing at this address." in await answer.text()
        assert "Content-Security-Policy" in answer.headers


async def test_a_person_who_opens_the_edge_gets_the_page() -> None:
    async with edge() as replica:
        for path in ("/", "/p"):
            async with replica.session.get(f"{replica.url}{path}") as answer:
                assert answer.status == 200
                assert "<title>page</title>" in await answer.text()
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        health = await replica.json("/health")
        assert sorted(health) == ["sessions", "status", "timestamp"]
        assert await replica.json("/ready") == {"status": "ready"}


# --- proxies


async def test_visitors_behind_a_trusted_proxy_are_told_apart_and_others_cannot_pretend() -> None:
    trusted = [ipaddress.ip_network("127.0.0.0/8")]
    limits = dataclasses.replace(TABLE, visits_burst=3, visits_per_s=0)
    async with edge(limits=limits, trusted=trusted) as replica:
        for _ in range(3):
            async with replica.peer(X_Forwarded_For="203.0.113.5, 198.51.100.1"):
                pass
        assert await replica.status(X_Forwarded_For="203.0.113.99, 198.51.100.1") == 429, "the left part is anybody's"
        async with replica.peer(X_Forwarded_For="203.0.113.5, 198.51.100.2"):
            pass
    async with edge(limits=limits) as replica:
        for number in range(3):
            async with replica.peer(X_Forwarded_For=f"198.51.100.{number}"):
                pass
        assert await replica.status(X_Forwarded_For="198.51.100.77") == 429


async def test_many_sockets_come_through_a_trusted_proxy() -> None:
    trusted = [ipaddress.ip_network("127.0.0.1/32")]
    limits = dataclasses.replace(TABLE, sockets_per_address=2)
    async with edge(limits=limits, trusted=trusted) as replica, session_of_many() as session:
        websockets = []
        for number in range(50):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            websockets.append(await session.ws_connect(f"{replica.url}/signal", headers=headers))
        assert len(replica.server.edge) == 50
        for websocket in websockets:
            await websocket.close()


# --- what operators see, and how it ends


async def test_metrics_have_a_port_of_their_own_and_name_nobody() -> None:
    async with edge() as replica:
        port = await replica.server.listen_for_metrics(host="127.0.0.1", port=0)
        room = room_id()
        async with replica.peer() as a, replica.peer() as b:
            (first,) = await a.join(room)
            (second,) = await b.join(room)
            await a.say(t="relay", room=room, to=second["you"], seq=1, blob="AAAA")
            assert (await b.hear("relayed"))["seq"] == 1
            async with replica.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                text = await answer.text()
        for line in (
            'messages_total{kind="relay"} 1',
            'rooms{state="occupied"} 1',
            "relayed_bytes_total 4",
            "sockets 2",
        ):
            assert f"qrshared_edge_{line}\n" in text
        for secret in (room, first["you"], second["you"], "127.0.0.1"):
            assert secret not in text
        assert await replica.status("/metrics") == 404


async def test_nothing_of_a_peer_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    room = room_id()
    async with edge() as replica, replica.peer() as peer:
        (state,) = await peer.join(room)
        await peer.websocket.send_str(json.dumps({"t": "SECRET-WORD"}))
        await peer.ended()
    said = caplog.text
    for secret in (room, state["you"], "127.0.0.1", "SECRET-WORD"):
        assert secret not in said


async def test_a_replica_that_goes_sends_everybody_away_over_a_while() -> None:
    async with edge(limits=dataclasses.replace(GENEROUS, drain_s=0.5)) as replica:
        peers = []
        for _ in range(20):
            peer = Peer(await replica.session.ws_connect(f"{replica.url}/signal"))
            await peer.hear("welcome")
            await peer.join(room_id())
            peers.append(peer)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(replica.server.drain())
            moved = [(await peer.hear("moved"))["retry_ms"] for peer in peers]
            assert await replica.json("/ready") == {"status": "not ready", "why": "draining"}
            assert await replica.status() == 503
            codes = [await peer.ended() for peer in peers]
        assert codes == [1012] * 20
        assert all(0 <= retry_ms <= 500 for retry_ms in moved)
        assert len(set(moved)) > 10, "not all at the same moment"
        assert len(replica.server.edge) == 0


async def test_a_port_that_is_taken_or_forbidden_is_a_sentence() -> None:
    async with edge() as replica:
        clock = asyncio.get_running_loop().time
        async with EdgeServer(MemoryBus(MemoryBoard(clock), "other")) as second:
            with pytest.raises(EdgePortInUse, match=str(replica.port)):
                await second.listen(host="127.0.0.1", port=replica.port)
            with pytest.raises(EdgePlaceRefused):
                await second.listen(host="192.0.2.1", port=0)
