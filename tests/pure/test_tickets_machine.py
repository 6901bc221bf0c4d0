"""Whatever is done in whatever order: no right out of nothing, no way back for the revoked, no use too many."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from qrshared.errors import QrsharedError
from qrshared.seal import Refusal, derive_keys
from qrshared.tickets import (
    ROOMS_MAX,
    Credential,
    Device,
    Life,
    Register,
    Right,
    Road,
    RoadSecret,
    RoadSecrets,
    Ticket,
    Trust,
    rooms_of,
)

KEYS = [bytes([index]) * 32 for index in range(1, 7)]


class RegisterMachine(RuleBasedStateMachine):
    """Plays owner, guests and time against a register, and keeps its own book of what was earned."""

    tickets = Bundle("tickets")
    credentials = Bundle("credentials")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.made = 0
        self.register = Register(random=self.random)
        self.road_secrets = RoadSecrets(random=self.random)
        self.earned: dict[str, set[Right]] = {}
        self.new_devices: dict[str, set[str]] = {}
        self.one_use: set[str] = set()
        self.revoked: set[str] = set()

    def random(self, length: int) -> bytes:
        self.made += 1
        return self.made.to_bytes(length, "big")

    def note(self, ticket: Ticket) -> Ticket:
        if ticket.uses_left == 1 and ticket.id not in self.new_devices:
            self.one_use.add(ticket.id)
        self.new_devices.setdefault(ticket.id, set())
        return ticket

    @rule(target=tickets)
    def show_wall(self) -> Ticket:
        return self.note(self.register.wall_ticket(self.now))

    @rule(target=tickets, life=st.sampled_from(Life), away=st.booleans())
    def make_personal(self, life: Life, away: bool) -> Ticket:
        return self.note(self.register.personal(self.now, life=life, away=away))

    @rule(target=tickets)
    def make_owner(self) -> Ticket:
        return self.note(self.register.owner(self.now))

    @rule(target=tickets, items=st.sets(st.sampled_from("abc"), min_size=1))
    def make_pick_up(self, items: set[str]) -> Ticket:
        return self.note(self.register.pick_up(self.now, items))

    @rule(target=tickets, pick=st.integers(0, 20))
    def ask_for_a_second_key(self, pick: int) -> object:
        trusted = [device for device in self.register.devices() if device.trust is not Trust.GUEST]
        if not trusted:
            return multiple()
        return self.note(self.register.second_key(trusted[pick % len(trusted)].id, self.now))

    @rule(key=st.sampled_from(KEYS))
    def go_on_away_from_home(self, key: bytes) -> None:
        device_id = derive_keys(key).key_id.hex()
        secret = RoadSecret(device_id, self.road_secrets.issue(device_id, self.now), self.now)
        found = self.register.carried(secret, Road.AWAY, self.now)
        known = [device for device in self.register.devices() if device.id == device_id]
        if isinstance(found, Credential):
            assert known[0].trust is not Trust.GUEST
            grant = self.register.grant(found)
            assert grant.rights == known[0].rights - {Right.OWN}
            assert grant.device == device_id
        else:
            assert not known or known[0].trust is Trust.GUEST or not known[0].is_alive(self.now)

    @rule(target=credentials, ticket=tickets, road=st.sampled_from(Road))
    def scan(self, ticket: Ticket, road: Road) -> object:
        found = self.register.find(bytes.fromhex(ticket.id), road, self.now)
        if not isinstance(found, Credential):
            return multiple()
        assert road in ticket.roads
        assert ticket.expires is None or self.now < ticket.expires
        return found

    @rule(credential=consumes(credentials), keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3))
    def enroll(self, credential: Credential, keys: list[bytes]) -> None:
        for key in keys:
            try:
                enrolled = self.register.enroll(credential, key, "phone", "phone", self.now)
            except QrsharedError:
                continue
            device = enrolled.device
            if enrolled.is_new:
                self.earned[device.id] = set()
                self.revoked.discard(device.id)
            if device.ticket == credential.holder.id:
                self.new_devices[credential.holder.id].add(device.id)
                self.earned[device.id] |= credential.holder.rights
            if enrolled.displaced:
                self.earned.pop(enrolled.displaced)

    @rule(key=st.sampled_from(KEYS), road=st.sampled_from(Road))
    def come_again(self, key: bytes, road: Road) -> None:
        for device in self.register.devices():
            if device.key == key:
                found = self.register.find(bytes.fromhex(device.id), road, self.now)
                if isinstance(found, Credential):
                    assert road in device.roads
                    assert self.register.grant(found).rights <= self.earned[device.id]
                    self.register.seen(device.id, self.now)

    @rule(pick=st.integers(0, 20))
    def trust(self, pick: int) -> None:
        devices = self.register.devices()
        if devices:
            device = devices[pick % len(devices)]
            self.register.trust(device.id)
            self.earned[device.id] |= {Right.SEND, Right.PICK_UP}

    @rule(pick=st.integers(0, 20))
    def revoke(self, pick: int) -> None:
        devices = self.register.devices()
        if devices:
            self.revoked.update(self.register.revoke(devices[pick % len(devices)].id))

    @rule(ticket=tickets)
    def revoke_ticket(self, ticket: Ticket) -> None:
        self.revoked.update(self.register.revoke_ticket(ticket.id))
        for road in Road:
            assert self.register.find(bytes.fromhex(ticket.id), road, self.now) is Refusal.UNKNOWN_KEY

    @rule(seconds=st.sampled_from([1.0, 61.0, 301.0, 901.0, 43_200.0, 86_401.0, 700_000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def expire(self) -> None:
        self.register.expire(self.now)

    @rule()
    def restart(self) -> None:
        self.register = Register.load(json.loads(json.dumps(self.register.dump())), random=self.random)

    @invariant()
    def nobody_holds_what_was_not_earned(self) -> None:
        for device in self.register.devices():
            assert device.rights <= self.earned[device.id]
            assert device.trust is Trust.OWNER or Right.OWN not in device.rights
            assert self.is_bounded(device)

    def is_bounded(self, device: Device) -> bool:
        """An owner's key never serves the network, a guest's key always ends."""
        if device.trust is Trust.OWNER:
            return device.roads <= {Road.LOOPBACK, Road.SECURE}
        return device.trust is Trust.TRUSTED or device.ends is not None

    @invariant()
    def this_home_waits_for_nobody_who_may_not_come_in(self) -> None:
        rooms = rooms_of(self.register, self.road_secrets, self.now)
        assert len(rooms) <= ROOMS_MAX
        for secret in rooms.values():
            key_id = derive_keys(secret).key_id
            is_carried = self.road_secrets.find(key_id, self.now) is not None
            assert is_carried or isinstance(self.register.find(key_id, Road.AWAY, self.now), Credential)

    @invariant()
    def the_revoked_are_never_found(self) -> None:
        for device_id in self.revoked:
            for road in Road:
                assert self.register.find(bytes.fromhex(device_id), road, self.now) is Refusal.UNKNOWN_KEY

    @invariant()
    def a_ticket_for_one_made_at_most_one(self) -> None:
        assert all(len(self.new_devices[ticket_id]) <= 1 for ticket_id in self.one_use)


RegisterMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRegister = RegisterMachine.TestCase
