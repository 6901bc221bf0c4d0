"""Relays that the edge lends to a home: asked for once, kept while they are good, and never inside the home."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_bytes

import pytest

from qrshared.links.ice import IceServer
from qrshared.remote import borrowed, limits
from qrshared.remote.borrowed import HOSTS_MAX, BorrowedRelays
from qrshared.signaling import TURN_TTL_S, Refuse, RefuseReason, Servers, TurnServer
from tests.adapters.remote_world import away_page, linked
from tests.adapters.signaling_world import GENEROUS, CountingTurn, edge
from tests.adapters.test_remote_door import door_at, echoed
from tests.waiting import until

NAMES = {
    "relay.example.org": ["20.0.1.1"],
    "both.example.org": ["20.0.1.1", "192.168.1.1"],
    "home.example.org": ["192.168.1.1"],
    "gone.example.org": [],
}


class Lent:
    """Borrowed relays whose edge and whose clock are this test."""

    def __init__(self, edge_url: str = "https://edge.example.org", *, is_there: bool = True) -> None:
        self.asked: list[tuple[str, str]] = []
        self.looked_up: list[str] = []
        self.now = 0.0
        self._is_there = is_there
        self.relays = BorrowedRelays(edge_url, ask=self._ask, clock=lambda: self.now, resolve=self._resolve)

    async def _ask(self, room: str, peer: str) -> bool:
        self.asked.append((room, peer))
        return self._is_there

    async def _resolve(self, host: str) -> Sequence[str]:
        self.looked_up.append(host)
        return NAMES.get(host, [host])

    async def lend(self, *urls: str, room: str = "room") -> Sequence[IceServer]:
        """Ask, and have the edge answer with these."""
        count = len(self.asked)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(self.relays.for_peer(room, "peer"))
            await until(lambda: len(self.asked) > count)
            self.relays.hear(Servers(room, (TurnServer(urls, "name", "word"),), 0))
        return asking.result()


async def test_a_home_without_a_relay_answers_with_one_of_the_edge_and_keeps_it_from_the_page() -> None:
    secret, turn = token_bytes(16), CountingTurn()
    async with (
        edge(turn=turn) as replica,
        door_at(replica.url, secret) as home,
        away_page(replica.url, secret) as page,
        linked(page),
    ):
        assert len(turn.labels) == 1
        assert page.servers is not None
        assert page.servers.servers == ()
        assert home.door.connections == 1


class NearTurn(CountingTurn):
    """A source whose relay is beside the edge, which a home may use also where that is a test's own computer."""

    async def mint(self, label: str, ttl_s: int = TURN_TTL_S) -> tuple[TurnServer, ...]:
        return tuple(replace(one, urls=("turn:127.0.0.1:9",)) for one in await super().mint(label, ttl_s))


async def test_a_visitor_is_lent_a_relay_for_elsewhere_also_after_its_line_was_cut_and_its_room_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(borrowed, "BORROWED_ANEW_S", 0.0)
    secret, turn = token_bytes(16), NearTurn()
    async with (
        edge(turn=turn, limits=replace(GENEROUS, turn_every_s=0.0)) as replica,
        door_at(replica.url, secret) as home,
        away_page(replica.url, secret) as page,
        linked(page) as link,
    ):
        await echoed(link)
        (visitor,) = home.visitors
        names = [one.username for one in await visitor.borrow()]
        async with away_page(replica.url, secret) as the_same_after_a_cut:
            await the_same_after_a_cut.meet()
            names += [one.username for one in await visitor.borrow()]
        assert names == [f"9:{label}" for label in turn.labels[1:]], "the first was for the link itself"
        assert len(names) == 2
        home.forget(secret)
        assert [one.username for one in await visitor.borrow()] == names[1:]


async def test_a_home_with_a_relay_of_its_own_asks_the_edge_for_none() -> None:
    async def own(_label: str) -> Sequence[IceServer]:
        return (IceServer(("turn:127.0.0.1:9?transport=tcp",), "name", "word"),)

    secret, turn = token_bytes(16), CountingTurn()
    async with (
        edge(turn=turn) as replica,
        door_at(replica.url, secret, servers=own),
        away_page(replica.url, secret) as page,
        linked(page),
    ):
        assert turn.labels == []


async def test_what_was_lent_serves_further_connections_and_is_asked_for_again_before_it_ends() -> None:
    lent = Lent()
    first = await lent.lend("turn:20.0.1.1:3478")
    assert first == (IceServer(("turn:20.0.1.1:3478",), "name", "word"),)
    lent.now = limits.BORROWED_FRESH_S - 1
    assert await lent.relays.for_peer("room", "another") == first
    assert len(lent.asked) == 1
    lent.now += 2
    assert await lent.lend("turn:20.0.1.2") == (IceServer(("turn:20.0.1.2",), "name", "word"),)
    lent.now += limits.BORROWED_FRESH_S
    lent.relays.keep_only(())
    assert await lent.relays.for_device("room", None) == ()
    assert await lent.lend("turn:20.0.1.3") != ()
    assert len(lent.asked) == 3


async def test_for_a_connection_elsewhere_a_device_gets_a_new_one_when_the_edge_gives_one_and_else_its_last() -> None:
    lent = Lent()

    async def elsewhere(*urls: str) -> Sequence[IceServer]:
        count = len(lent.asked)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(lent.relays.for_device("room", "peer"))
            await until(lambda: len(lent.asked) > count)
            lent.relays.hear(
                Servers("room", (TurnServer(urls, "name", "word"),), 0) if urls else Refuse(RefuseReason.TURN, "room")
            )
        return asking.result()

    first = await lent.lend("turn:20.0.1.1")
    lent.now = limits.BORROWED_ANEW_S - 1
    assert await lent.relays.for_device("room", "peer") == first
    assert len(lent.asked) == 1
    lent.now += 1
    assert await elsewhere() == first
    (new,) = await elsewhere("turn:20.0.1.2")
    assert new.urls == ("turn:20.0.1.2",)
    lent.now += limits.BORROWED_FRESH_S - 1
    lent.relays.keep_only(())
    assert await lent.relays.for_device("room", None) == (new,), "its code has ended, and it is still here"
    assert await lent.relays.for_device("another", None) == ()
    lent.now += 1
    assert await lent.relays.for_device("room", None) == ()
    assert len(lent.asked) == 3


async def test_two_calls_in_a_room_ask_once_and_another_rooms_answer_is_not_theirs() -> None:
    lent = Lent()
    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(lent.relays.for_peer("room", peer)) for peer in ("a", "b")]
        await until(lambda: len(lent.asked) == 1)
        lent.relays.hear(Servers("other", (TurnServer(("turn:20.0.1.9",), "name", "word"),), 0))
        lent.relays.hear(Refuse(RefuseReason.CROWDED, "room"))
        lent.relays.hear(Servers("room", (TurnServer(("turn:20.0.1.1",), "name", "word"),), 0))
    assert [[server.urls for server in each.result()] for each in both] == [[("turn:20.0.1.1",)]] * 2
    assert len(lent.asked) == 1


@pytest.mark.parametrize("end", ["refused", "cut", "silent", "away"])
async def test_an_edge_that_lends_nothing_costs_a_moment_and_no_connection(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(borrowed, "BORROW_S", 60.0 if end != "silent" else 0.1)
    lent = Lent(is_there=end != "away")
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(lent.relays.for_peer("room", "peer"))
        await until(lambda: len(lent.asked) == 1)
        if end == "refused":
            lent.relays.hear(Refuse(RefuseReason.TURN, "room"))
        if end == "cut":
            lent.relays.lose()
    assert asking.result() == ()
    assert await lent.lend("turn:20.0.1.1") != () or end == "away"


@pytest.mark.parametrize(
    "url",
    [
        "turn:192.168.1.1:80?transport=tcp",
        "turn:127.0.0.1",
        "turn:169.254.169.254:80",
        "turn:0.0.0.0",
        "turn:home.example.org",
        "turn:both.example.org",
        "turns:home.example.org:443",
        "turn:gone.example.org",
        "turn:[::1]",
        "stun:192.168.1.1",
    ],
)
async def test_an_edge_cannot_have_a_home_speak_to_what_is_inside_it(url: str) -> None:
    assert await Lent().lend(url) == ()


async def test_a_name_is_looked_up_once_and_its_address_used_so_that_it_cannot_lead_elsewhere_later() -> None:
    lent = Lent()
    (server,) = await lent.lend(
        "turn:relay.example.org:80?transport=tcp", "turn:192.168.1.1", "turns:relay.example.org:443?transport=tcp"
    )
    assert server.urls == ("turn:20.0.1.1:80?transport=tcp", "turns:relay.example.org:443?transport=tcp")
    assert lent.looked_up == ["relay.example.org", "192.168.1.1"]
    await Lent().lend()
    many = Lent()
    await many.lend(*(f"turn:20.0.1.{number}" for number in range(60)))
    assert len(many.looked_up) == HOSTS_MAX


async def test_an_edge_in_this_home_may_lend_the_relay_beside_it() -> None:
    at_home = Lent("http://192.168.1.9:7780")
    assert [one.urls for one in await at_home.lend("turn:192.168.1.9:3478", "turn:192.168.1.1")] == [
        ("turn:192.168.1.9:3478",)
    ]
