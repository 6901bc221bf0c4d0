"""Descriptions and candidates: what browsers write is understood, everything else is refused or left out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.links import BadOffer
from qrshared.links.port import MESSAGE_BYTES_MAX
from qrshared.links.sdp import (
    CANDIDATE_BYTES_MAX,
    CANDIDATES_MAX,
    SDP_BYTES_MAX,
    read_candidate,
    read_description,
)

FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["4A"] * 32)
CHROMIUM = [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "a=extmap-allow-mixed",
    "a=msid-semantic: WMS",
    "m=application 47789 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 198.51.100.7",
    "a=candidate:842163049 1 udp 1677729535 198.51.100.7 47789 typ srflx raddr 0.0.0.0 rport 0 generation 0",
    "a=candidate:1 1 udp 2113937151 0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f.local 47789 typ host network-cost 999",
    "a=ice-ufrag:pFCV",
    "a=ice-pwd:jfHDp0WLbTdYqHrgbpUKFpaW",
    "a=ice-options:trickle",
    FINGERPRINT,
    "a=setup:actpass",
    "a=mid:0",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
]
FIREFOX = [
    "v=0",
    "o=mozilla...THIS_IS_SDPARTA-99.0 5522343 0 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    FINGERPRINT,
    "a=group:BUNDLE 0",
    "a=ice-options:trickle",
    "a=msid-semantic:WMS *",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=candidate:0 1 UDP 2122252543 192.168.1.7 51234 typ host",
    "a=candidate:1 1 TCP 2105524479 192.168.1.7 9 typ host tcptype active",
    "a=sendrecv",
    "a=end-of-candidates",
    "a=ice-pwd:0123456789abcdef0123456789abcdef",
    "a=ice-ufrag:01234567",
    "a=mid:0",
    "a=setup:actpass",
    "a=sctp-port:5000",
    "a=max-message-size:1073741823",
]


def sdp(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def altered(wrong: str, right: str = "") -> str:
    """Chromium's offer with another line in the place of the one that begins so."""
    assert any(line.startswith(wrong) for line in CHROMIUM)
    return sdp([right if line.startswith(wrong) else line for line in CHROMIUM])


@pytest.mark.parametrize("lines", [CHROMIUM, FIREFOX], ids=["chromium", "firefox"])
def test_what_browsers_write_is_understood_and_written_anew(lines: list[str]) -> None:
    read = read_description(sdp(lines), "offer")
    assert (read.mid, read.setup, read.sctp_port) == ("0", "actpass", 5000)
    assert read.fingerprints == [FINGERPRINT.removeprefix("a=fingerprint:")]
    again = read_description(read.write(), "offer")
    assert again.candidates == [candidate for candidate in read.candidates if not candidate.has_name]
    assert again.write() == read.write()
    assert "end-of-candidates" not in read.write()
    assert ".local" not in read.write()


def test_tcp_candidates_are_left_out_and_names_are_told_apart() -> None:
    assert [c.host for c in read_description(sdp(FIREFOX), "offer").candidates] == ["192.168.1.7"]
    assert [c.has_name for c in read_description(sdp(CHROMIUM), "offer").candidates] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        altered("m="),
        altered("m=", "m=audio 9 UDP/TLS/RTP/SAVPF 111"),
        altered("a=mid", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"),
        altered("a=ice-ufrag"),
        altered("a=ice-ufrag", "a=ice-ufrag:abc"),
        altered("a=ice-ufrag", "a=ice-ufrag:abc\u212a"),
        altered("a=ice-ufrag", "a=ice-ufrag:abcd\r\na=ice-ufrag:abce"),
        altered("a=ice-pwd", "a=ice-pwd:short"),
        altered("a=fingerprint"),
        altered("a=fingerprint", "a=fingerprint:sha-256 4A:4A"),
        altered("a=fingerprint", "a=fingerprint:md5 " + ":".join(["4A"] * 16)),
        altered("a=fingerprint", "\r\n".join([FINGERPRINT] * 5)),
        altered("a=setup", "a=setup:holdconn"),
        altered("a=mid", "a=mid:0 0"),
        altered("a=sctp-port", "a=sctp-port:0"),
        altered("a=sctp-port", "a=sctp-port:65536"),
        altered("a=sctp-port", "a=sctp-port:" + "9" * 5000),
        altered("a=sctp-port", "a=sctp-port:٥٠٠٠"),
        altered("a=max-message-size", f"a=max-message-size:{MESSAGE_BYTES_MAX - 1}"),
        altered("a=candidate:1", "\r\n".join([CHROMIUM[10]] * CANDIDATES_MAX)),
        altered("s=-", "s=" + "x" * SDP_BYTES_MAX),
    ],
)
def test_what_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadOffer):
        read_description(text, "offer")


def test_an_answer_must_say_who_begins_and_an_offer_may_leave_it_open() -> None:
    for text in (altered("a=setup"), sdp(CHROMIUM)):
        assert read_description(text, "offer").setup == "actpass"
        with pytest.raises(BadOffer):
            read_description(text, "answer")
    assert read_description(altered("a=setup", "a=setup:active"), "answer").setup == "active"


def test_no_size_said_is_64_kib_and_none_means_any() -> None:
    assert read_description(altered("a=max-message-size"), "offer").message_bytes_max == 65_536
    assert read_description(altered("a=max-message-size", "a=max-message-size:0"), "offer").message_bytes_max == 0


def test_an_error_shows_nothing_that_the_peer_wrote() -> None:
    with pytest.raises(BadOffer) as refused:
        read_description(altered("a=ice-pwd", "a=ice-pwd:hunter2"), "offer")
    assert "hunter2" not in refused.value.sentence


@pytest.mark.parametrize(
    "text",
    [
        "candidate:1 1 udp 1 192.168.1.7 9 typ host",
        "1 1 UDP 4294967295 2001:db8::7 65535 typ relay raddr 192.0.2.1 rport 7",
        " candidate:a+/ 1 udp 1 abc-1.local 9 typ host generation 0 ufrag pFCV network-id 1 ",
    ],
)
def test_a_good_candidate_is_taken(text: str) -> None:
    read = read_candidate(text)
    assert read is not None
    assert read_candidate(read.write()) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "candidate:",
        "candidate:1 1 tcp 1 192.168.1.7 9 typ host tcptype passive",
        "candidate:1 2 udp 1 192.168.1.7 9 typ host",
        "candidate:1 1 udp 1 192.168.1.7 9 typ prflx",
        "candidate:1 1 udp 1 192.168.1.7 0 typ host",
        "candidate:1 1 udp 1 192.168.1.7 65536 typ host",
        "candidate:1 1 udp 1 0.0.0.0 9 typ host",
        "candidate:1 1 udp 1 127.0.0.1 9 typ host",
        "candidate:1 1 udp 1 ::1 9 typ host",
        "candidate:1 1 udp 1 224.0.0.251 5353 typ host",
        "candidate:1 1 udp 1 ::ffff:127.0.0.1 9 typ host",
        "candidate:1 1 udp 1 fe80::1%eth0 9 typ host",
        "candidate:1 1 udp 1 example.org 9 typ host",
        "candidate:1 1 udp 1 a.b.local 9 typ host",
        "candidate:1 1 udp -1 192.168.1.7 9 typ host",
        "candidate:1 1 udp 1 192.168.1.7 9 typ host\na=setup:active",
        "candidate:1 1 udp 1 192.168.1.7 9 typ host " + "x" * CANDIDATE_BYTES_MAX,
    ],
)
def test_a_candidate_that_is_of_no_use_is_left_out(text: str) -> None:
    assert read_candidate(text) is None


WRITTEN = re.compile(r"(?:[a-z]=[A-Za-z0-9 .:+/_-]*\r\n)+")


@given(st.lists(st.one_of(st.sampled_from(CHROMIUM), st.sampled_from(FIREFOX), st.text(max_size=40)), max_size=40))
def test_whatever_is_read_only_plain_lines_are_written(lines: list[str]) -> None:
    try:
        read = read_description("\n".join(lines), "offer")
    except BadOffer:
        return
    assert WRITTEN.fullmatch(read.write())


@given(st.text() | st.from_regex(r"candidate:\w+ 1 udp \d{1,12} [0-9a-f.:]{1,20} \d{1,6} typ (host|relay).*"))
def test_whatever_a_candidate_is_only_a_plain_line_is_written(text: str) -> None:
    read = read_candidate(text)
    assert read is None or WRITTEN.fullmatch(f"a={read.write()}\r\n")
