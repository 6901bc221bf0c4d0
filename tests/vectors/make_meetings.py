"""Writes `meetings.json`: whole meetings with fixed nonces, step by step, which both languages must play alike.

`python -m tests.vectors.make_meetings` lets two Python peers meet and writes down what each was fed and what it said.
Read the difference before you commit it: what changes here, changes for every peer that is already out there.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from qrshared.remote import Heard, Meeting, Over, Role
from qrshared.remote.meeting import Event
from qrshared.remote.messages import Said, decode, encode_said
from qrshared.seal import derive_keys
from qrshared.seal.envelopes import Envelopes

TARGET = Path(__file__).with_name("meetings.json")
SECRET, OTHER_SECRET = bytes(range(16)), bytes(range(100, 132))
LOW, HIGH = bytes([1]) * 32, bytes([2]) * 32
LATENCY_MS = 40

Json: TypeAlias = dict[str, object]
Fate: TypeAlias = Callable[[int, int, bytes], Sequence[bytes]]
"""What becomes of an envelope: who sent it, which of theirs it is, the envelope."""

SERVERS: Json = {
    "t": "servers",
    "attempt": 1,
    "servers": [{"urls": ["stun:s.example:3478"]}, {"urls": ["turn:t.example"], "username": "17:x", "credential": "é"}],
}
OFFER: Json = {"t": "offer", "attempt": 1, "sdp": "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"}
ANSWER: Json = {"t": "answer", "attempt": 1, "sdp": "v=0\r\n"}
CANDIDATE: Json = {
    "t": "candidate",
    "attempt": 1,
    "candidate": "candidate:1 1 udp 1 192.0.2.1 9",
    "mid": "0",
    "line": 0,
}
NO_MORE: Json = {"t": "candidate", "attempt": 1, "candidate": ""}
ROAD: Json = {"t": "road", "attempt": 1, "road": "direct"}
FAILED: Json = {"t": "failed", "attempt": 1, "reason": "ice"}
CALL: Json = {"t": "call", "attempt": 1}
BYE: Json = {"t": "bye"}


def event_of(event: Event) -> Json:
    """An event as both languages write it."""
    match event:
        case Heard(message):
            said = json.loads(encode_said(0, message))
            return {"t": "heard", "message": {name: value for name, value in said.items() if name != "n"}}
        case Over(reason):
            return {"t": "over", "reason": reason.value}
    return {"t": type(event).__name__.lower()}


def play(meeting: Meeting, step: Json) -> Json:
    """Do one step; what came out."""
    at = step["at"]
    assert isinstance(at, int)
    now = at / 1000
    match step["do"]:
        case "start":
            meeting.start(now)
        case "say":
            said = decode(json.dumps({"n": 0, **_object(step["message"])}).encode())
            assert isinstance(said, Said)
            assert said.message is not None
            meeting.say(said.message, now)
        case "receive":
            return {"events": [event_of(event) for event in meeting.receive(bytes.fromhex(str(step["blob"])), now)]}
        case "ask":
            blobs = [blob.hex() for blob in meeting.blobs_to_send(now)]
            due = meeting.next_due()
            return {
                "blobs": blobs,
                "next_due": None if due is None else round(due * 1000),
                "state": meeting.state.name.lower(),
                "over": meeting.over_reason,
                "spoiled": [meeting.spoiled, meeting.spoiled_there],
            }
    return {}


def _object(value: object) -> Json:
    assert isinstance(value, dict)
    return value


class Recorder:
    """Two peers with fixed nonces, and everything that happens to them."""

    def __init__(
        self, name: str, roles: tuple[Role, Role], nonces: tuple[bytes, bytes], secret: bytes = SECRET
    ) -> None:
        self.meetings = [Meeting(secret, role, now=0, nonce=nonce) for role, nonce in zip(roles, nonces, strict=True)]
        self.peers = [{"role": role.value, "nonce": nonce.hex()} for role, nonce in zip(roles, nonces, strict=True)]
        self.name, self.secret, self.nonces = name, secret, nonces
        self.steps: list[Json] = []
        self.sent = [0, 0]
        self.at = 0

    def do(self, who: int, **step: object) -> Json:
        whole: Json = {"who": who, "at": self.at, **step}
        out = play(self.meetings[who], whole)
        self.steps.append({**whole, **out})
        return out

    def start(self) -> "Recorder":
        for who in (0, 1):
            self.do(who, do="start")
        return self

    def say(self, who: int, *messages: Json) -> "Recorder":
        for message in messages:
            self.do(who, do="say", message=message)
        return self

    def exchange(self, fate: Fate = lambda _who, _number, blob: [blob]) -> "Recorder":
        """Until neither has anything to say."""
        while True:
            carried: list[tuple[int, bytes]] = []
            for who in (0, 1):
                blobs = self.do(who, do="ask")["blobs"]
                assert isinstance(blobs, list)
                for blob in blobs:
                    carried += [(1 - who, each) for each in fate(who, self.sent[who], bytes.fromhex(blob))]
                    self.sent[who] += 1
            if not carried:
                return self
            self.at += LATENCY_MS
            for to, blob in carried:
                self.do(to, do="receive", blob=blob.hex())

    def wait(self, milliseconds: int, fate: Fate = lambda _who, _number, blob: [blob]) -> "Recorder":
        """Ask whenever something is due; a millisecond later, for the last bit of a product may differ."""
        until = self.at + milliseconds
        while True:
            dues = [due for meeting in self.meetings if (due := meeting.next_due()) is not None]
            if not dues or min(dues) * 1000 > until:
                self.at = until
                return self
            self.at = max(self.at, round(min(dues) * 1000)) + 1
            self.exchange(fate)

    def receive(self, who: int, blob: bytes) -> "Recorder":
        self.do(who, do="receive", blob=blob.hex())
        return self

    def forged(self, count: int, plaintext: bytes, *, is_initiator: bool = True) -> bytes:
        """What the first peer's key seals, whatever it is."""
        talk = Envelopes(
            derive_keys(self.secret).envelopes,
            initiator_nonce=self.nonces[0],
            responder_nonce=self.nonces[1],
            is_initiator=is_initiator,
        )
        return [talk.seal(plaintext) for _ in range(count + 1)][-1]

    def finished(self) -> Json:
        return {"name": self.name, "secret": self.secret.hex(), "peers": self.peers, "steps": self.steps}


HOME = (Role.PAGE, Role.HOME)
PAGES = (Role.PAGE, Role.PAGE)


def whole(name: str, secret: bytes) -> Recorder:
    recorder = Recorder(name, HOME, (HIGH, LOW), secret).start().exchange()
    recorder.say(0, CALL).exchange().say(1, SERVERS).exchange().say(0, OFFER, CANDIDATE).exchange()
    recorder.say(1, ANSWER).exchange().say(0, NO_MORE, ROAD).exchange().say(1, FAILED).exchange()
    return recorder.say(0, {"t": "call", "attempt": 2}, BYE).exchange()


def pages(name: str, nonces: tuple[bytes, bytes]) -> Recorder:
    recorder = Recorder(name, PAGES, nonces).start().exchange()
    initiator = 0 if nonces[0] < nonces[1] else 1
    recorder.say(initiator, OFFER, CANDIDATE).say(1 - initiator, CANDIDATE).exchange()
    return recorder.say(1 - initiator, ANSWER).exchange().say(initiator, ROAD).wait(60_000)


def lossy() -> Recorder:
    def fate(_who: int, number: int, blob: bytes) -> Sequence[bytes]:
        return [] if number % 3 == 0 else [blob, blob] if number % 3 == 1 else [blob]

    recorder = Recorder("a third lost, a third doubled", HOME, (LOW, HIGH)).start().exchange(fate).wait(8_000, fate)
    recorder.say(0, CALL, OFFER, CANDIDATE, NO_MORE).say(1, SERVERS, ANSWER).exchange(fate)
    return recorder.wait(25_000, fate)


def flipped(who: int, number: int, blob: bytes) -> Sequence[bytes]:
    return [blob[:-1] + bytes([blob[-1] ^ 1])] if who == 0 and number >= 2 else [blob]


def spoiled() -> Recorder:
    recorder = Recorder("what the page says is changed", HOME, (LOW, HIGH)).start().exchange()
    return recorder.say(0, CALL).exchange(flipped).wait(40_000, flipped)


def wrong(name: str, plaintext: str) -> Recorder:
    recorder = Recorder(name, HOME, (LOW, HIGH)).start().exchange()
    return recorder.receive(1, recorder.forged(40, plaintext.encode())).exchange().wait(2_000)


def hellos() -> Recorder:
    recorder = Recorder("hellos of many kinds", HOME, (LOW, HIGH)).start().exchange()
    recorder.at += 2_000
    mine, other = recorder.steps[2], bytes([9]) * 32
    blobs = mine["blobs"]
    assert isinstance(blobs, list)
    hello = bytes.fromhex(blobs[0])
    for blob in (hello, hello, hello.replace(LOW, other), hello.replace(b"page", b"home"), hello[:-1], b"", b"\x03"):
        recorder.receive(1, blob).exchange()
    return recorder.receive(1, hello.replace(LOW, HIGH)).exchange()


def record() -> list[Json]:
    """Every meeting."""
    deaf = Recorder("nobody is there", PAGES, (LOW, HIGH)).start().exchange(lambda *_: []).wait(31_000, lambda *_: [])
    reflected = Recorder("sent back", HOME, (LOW, HIGH)).start()
    asked = reflected.do(0, do="ask")["blobs"]
    assert isinstance(asked, list)
    reflected.receive(0, bytes.fromhex(asked[0])).exchange()
    recorders = [
        whole("a whole meeting with a ticket's secret", SECRET),
        whole("a whole meeting with a device's secret", OTHER_SECRET),
        pages("two pages, the first initiates", (LOW, HIGH)),
        pages("two pages, the second initiates", (HIGH, LOW)),
        lossy(),
        spoiled(),
        deaf,
        reflected,
        hellos(),
        wrong("servers from a page", '{"n":0,"t":"servers","attempt":1,"servers":[]}'),
        wrong("an answer from the initiator", '{"n":0,"t":"answer","attempt":1,"sdp":"v=0"}'),
        wrong("no object", "[]"),
        wrong("too much confirmed", '{"t":"got","through":1}'),
        wrong("a word of a later version", '{"n":0,"t":"sing","song":1}'),
        wrong("out of its turn", '{"n":1,"t":"call","attempt":1}'),
    ]
    return [recorder.finished() for recorder in recorders]


VALID = [
    *[json.dumps({"n": 7, **message}, ensure_ascii=False, separators=(",", ":"))
      for message in (CALL, SERVERS, OFFER, ANSWER, CANDIDATE, NO_MORE, ROAD, FAILED, BYE)],
    '{"n":9007199254740991,"t":"call","attempt":64}',
    '{"n":0,"t":"servers","attempt":0,"servers":[]}',
    '{"n":0,"t":"offer","attempt":1,"sdp":"\\u0000\\u001f\\"\\\\/ 😀"}',
    '{"t":"got","through":0}',
    '{"t":"got","through":12,"spoiled":3}',
]  # fmt: skip
SAME = [
    ['{"t":"call","x":[1,{}],"attempt":1.0,"n":-0}', '{"n":0,"t":"call","attempt":1}'],
    [' {"n":0,"t":"bye","attempt":"none"} ', '{"n":0,"t":"bye"}'],
    ['{"t":"got","through":1e1,"spoiled":0,"n":5}', '{"t":"got","through":10}'],
]
UNKNOWN = ['{"n":3,"t":"sing"}', '{"n":3,"t":"constructor"}', '{"n":3,"t":"__proto__"}']
WRONG = [
    "", "{", "null", "7", "[]", '"t"', "{}", '{"n":0}', '{"t":"call","attempt":1}', '{"n":0,"t":7}', '{"t":"sing"}',
    '{"n":-1,"t":"bye"}', '{"n":0.5,"t":"bye"}', '{"n":9007199254740992,"t":"bye"}', '{"n":"0","t":"bye"}',
    '{"n":true,"t":"bye"}', '{"n":null,"t":"bye"}', '{"n":1e999,"t":"bye"}', '{"n":NaN,"t":"bye"}',
    '{"t":"got"}', '{"t":"got","through":-1}', '{"t":"got","through":null}', '{"t":"got","through":1,"spoiled":null}',
    '{"n":0,"t":"call"}', '{"n":0,"t":"call","attempt":65}', '{"n":0,"t":"call","attempt":"1"}',
    '{"n":0,"t":"offer","attempt":1}', '{"n":0,"t":"offer","attempt":1,"sdp":null}',
    '{"n":0,"t":"offer","attempt":1,"sdp":"\\ud800"}', '{"n":0,"t":"answer","attempt":1,"sdp":7}',
    '{"n":0,"t":"candidate","attempt":1}', '{"n":0,"t":"candidate","attempt":1,"candidate":"","mid":null}',
    '{"n":0,"t":"candidate","attempt":1,"candidate":"","line":65536}',
    '{"n":0,"t":"failed","attempt":1,"reason":"tired"}', '{"n":0,"t":"failed","attempt":1}',
    '{"n":0,"t":"road","attempt":1,"road":"home"}', '{"n":0,"t":"servers","attempt":1}',
    '{"n":0,"t":"servers","attempt":1,"servers":{}}', '{"n":0,"t":"servers","attempt":1,"servers":[7]}',
    '{"n":0,"t":"servers","attempt":1,"servers":[{}]}', '{"n":0,"t":"servers","attempt":1,"servers":[{"urls":[]}]}',
    '{"n":0,"t":"servers","attempt":1,"servers":[{"urls":"stun:a"}]}',
    '{"n":0,"t":"servers","attempt":1,"servers":[{"urls":["http://a"]}]}',
    '{"n":0,"t":"servers","attempt":1,"servers":[{"urls":["stun:"]}]}',
    '{"n":0,"t":"servers","attempt":1,"servers":[{"urls":["stun:a b"]}]}',
    '{"n":0,"t":"servers","attempt":1,"servers":[{"urls":["stun:a"],"username":null}]}',
]  # fmt: skip


def main() -> None:
    meetings = []
    for meeting in record():
        head = {name: value for name, value in meeting.items() if name != "steps"}
        steps = meeting["steps"]
        assert isinstance(steps, list)
        meetings.append(json.dumps(head)[:-1] + ', "steps": [\n  ' + ",\n  ".join(map(json.dumps, steps)) + "\n]}")
    messages = json.dumps({"valid": VALID, "same": SAME, "unknown": UNKNOWN, "wrong": WRONG}, indent=1)
    text = '{"meetings": [\n' + ",\n".join(meetings) + '\n],\n"messages": ' + messages + "}\n"
    TARGET.write_text(text, encoding="ascii")
    print(len(meetings), "meetings")


if __name__ == "__main__":
    main()
