"""The guard lets our own pages in and nobody else; each refusal has a neighbour that passes."""

import ipaddress
from dataclasses import replace

import pytest

from qrshared.serving import Admission, Pass, Redirect, Refuse, RequestFacts, judge
from qrshared.serving.guard import is_near

PORT = 7774
HOST = f"192.168.1.7:{PORT}"
ADMISSION = Admission(
    hosts=frozenset({HOST, f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}", f"qrshare.local:{PORT}"}),
    ranked_host=HOST,
    networks=(ipaddress.ip_network("198.51.100.0/24"),),
)
PUBLIC = replace(ADMISSION, public_host="files.example.org")
PHONE = RequestFacts(source="192.168.1.20", hosts=(HOST,), target="/p")
DOOR = replace(PHONE, target="/link", origins=(f"http://{HOST}",), is_upgrade=True)
POST = replace(PHONE, method="POST", origins=(f"http://{HOST}",))


@pytest.mark.parametrize(
    "facts",
    [
        PHONE,
        DOOR,
        POST,
        replace(PHONE, method="HEAD"),
        replace(PHONE, hosts=(HOST.upper(),)),
        replace(PHONE, hosts=(f"LOCALHOST:{PORT}",), source="127.0.0.1"),
        replace(PHONE, hosts=(f"[::1]:{PORT}",), source="::1"),
        replace(PHONE, hosts=(f"qrshare.local:{PORT}",)),
        replace(PHONE, origins=(f"http://{HOST}",)),
        replace(PHONE, fetch_site="same-origin"),
        replace(PHONE, fetch_site="none"),
        replace(PHONE, source="198.51.100.44"),  # on-link
        replace(PHONE, source="::ffff:192.168.1.20"),
        replace(PHONE, source="fe80::1%eth0"),
    ],
)
def test_our_own_pages_are_let_in(facts: RequestFacts) -> None:
    assert judge(facts, ADMISSION) == Pass()


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        # absolute-form targets: aiohttp answers them 200 by default
        (replace(PHONE, target=f"http://{HOST}/p"), 400),
        (replace(PHONE, target="http://evil.example/"), 400),
        (replace(PHONE, target="*", method="OPTIONS"), 400),
        (replace(PHONE, target="evil.example:443", method="CONNECT"), 400),
        # DNS rebinding and its relatives
        (replace(PHONE, hosts=(f"evil.example:{PORT}",)), 421),
        (replace(PHONE, hosts=(f"127.0.0.1.nip.io:{PORT}",)), 421),
        (replace(PHONE, hosts=(f"0.0.0.0:{PORT}",)), 421),
        (replace(PHONE, hosts=(f"localhost.:{PORT}",)), 421),
        (replace(PHONE, hosts=("192.168.1.7",)), 421),
        (replace(PHONE, hosts=("192.168.1.7:80",)), 421),
        (replace(PHONE, hosts=(f"{HOST}@evil.example",)), 421),
        (replace(PHONE, hosts=(f" {HOST}",)), 421),
        (replace(PHONE, hosts=("",)), 421),
        (replace(PHONE, hosts=()), 421),
        (replace(PHONE, hosts=(HOST, "evil.example")), 421),
        (replace(PHONE, hosts=(HOST, HOST)), 421),
        # other sites' scripts: cross-site WebSockets, form posts
        (replace(DOOR, origins=("http://evil.example",)), 403),
        (replace(DOOR, origins=("null",)), 403),
        (replace(DOOR, origins=(f"http://192.168.1.7:{PORT + 1}",)), 403),
        (replace(DOOR, origins=(f"https://{HOST}",)), 403),
        (replace(DOOR, origins=(f"http://localhost:{PORT}",)), 403),  # one of ours, but not the one it asks
        (replace(DOOR, origins=(f"http://{HOST}/",)), 403),
        (replace(DOOR, origins=(f"http://{HOST}", "http://evil.example")), 403),
        (replace(DOOR, origins=("",)), 403),
        (replace(DOOR, origins=()), 403),
        (replace(POST, origins=()), 403),
        (replace(POST, origins=(), method="DELETE"), 403),
        (replace(PHONE, origins=("http://evil.example",)), 403),
        (replace(PHONE, fetch_site="cross-site"), 403),
        (replace(PHONE, fetch_site="same-site"), 403),
        (replace(DOOR, fetch_site="cross-site"), 403),
        # bodies that inflate
        (replace(POST, content_encoding="gzip"), 415),
        (replace(POST, content_encoding="identity"), 415),
        # strangers
        (replace(PHONE, source="203.0.113.9"), 403),
        (replace(PHONE, source="8.8.8.8", target="/"), 403),
        (replace(PHONE, source="172.32.0.1"), 403),
        (replace(PHONE, source="2001:db8::1"), 403),
        (replace(PHONE, source="::ffff:8.8.8.8"), 403),
        (replace(PHONE, source=""), 403),
    ],
)
def test_everything_else_is_refused(facts: RequestFacts, status: int) -> None:
    verdict = judge(facts, ADMISSION)
    assert isinstance(verdict, Refuse)
    assert verdict.status == status


def test_a_person_who_came_by_another_name_is_sent_to_the_address() -> None:
    typed = replace(PHONE, hosts=(f"study-pc:{PORT}",), target="/")
    assert judge(typed, ADMISSION) == Redirect(f"http://{HOST}/")


@pytest.mark.parametrize(
    "facts",
    [
        replace(PHONE, hosts=(f"study-pc:{PORT}",), target="/p"),
        replace(PHONE, hosts=(f"study-pc:{PORT}",), target="/?x=1"),
        replace(PHONE, hosts=(f"study-pc:{PORT}",), target="/", method="HEAD"),
        replace(PHONE, hosts=(f"study-pc:{PORT}",), target="/", is_upgrade=True),
        replace(PHONE, hosts=(f"evil.example:{PORT}",), target="/", origins=(f"http://evil.example:{PORT}",)),
        replace(PHONE, hosts=(), target="/"),
    ],
)
def test_only_a_typed_address_is_sent_on(facts: RequestFacts) -> None:
    verdict = judge(facts, ADMISSION)
    assert isinstance(verdict, Refuse)
    assert verdict.status == 421


def test_nobody_is_sent_to_an_address_we_do_not_answer_to() -> None:
    typed = replace(PHONE, hosts=(f"study-pc:{PORT}",), target="/")
    for ranked in (None, "10.0.0.1:7774"):
        assert isinstance(judge(typed, replace(ADMISSION, ranked_host=ranked)), Refuse)


def test_a_stranger_learns_nothing_from_asking_by_another_name() -> None:
    stranger = replace(PHONE, source="203.0.113.9", hosts=(f"study-pc:{PORT}",), target="/")
    assert judge(stranger, ADMISSION) == judge(replace(stranger, hosts=(HOST,)), ADMISSION)


def test_a_public_host_is_served_to_everybody_and_only_over_https() -> None:
    visitor = replace(DOOR, source="203.0.113.9", hosts=("files.example.org",), origins=("https://files.example.org",))
    assert judge(visitor, PUBLIC) == Pass()
    assert isinstance(judge(visitor, ADMISSION), Refuse)
    assert isinstance(judge(replace(visitor, origins=("http://files.example.org",)), PUBLIC), Refuse)
    assert isinstance(judge(replace(visitor, hosts=("files.example.org:81",)), PUBLIC), Refuse)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("172.15.255.255", False),
        ("172.16.0.0", True),
        ("172.31.255.255", True),
        ("192.167.255.255", False),
        ("100.63.255.255", False),
        ("100.64.0.0", True),
        ("100.127.255.255", True),
        ("100.128.0.0", False),
        ("192.0.2.1", False),  # is_private says yes to this test network
        ("fdff::1", True),
        ("fe80::1", True),
        ("febf::1", True),
        ("fec0::1", False),
        ("::1", True),
        ("not an address", False),
    ],
)
def test_near_ends_exactly_where_the_ranges_end(address: str, near: bool) -> None:
    assert is_near(address) is near
