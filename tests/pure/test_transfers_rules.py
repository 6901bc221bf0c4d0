"""Windows, resume, pre-emption and progress: the small rules around a transfer."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrshared.errors import LocalError
from qrshared.protocol import (
    PAGE_BYTES_MAX,
    Accept,
    Decline,
    Item,
    ItemReceipt,
    Propose,
    Reason,
    decode,
    encode,
    limits,
)
from qrshared.transfers import (
    Progress,
    Proposed,
    Receiver,
    ReceiverEvent,
    Sender,
    StoredPart,
    Verdict,
    WindowPool,
    block_count,
    block_start,
    first_difference,
    match_parts,
    settle,
)
from qrshared.transfers.window import LARGE_WINDOWS_MAX, MIDDLING_WINDOWS_MAX

T, OLD, OTHER = "0" * 32, "1" * 32, "2" * 32
MIB = 1024 * 1024


def part(
    name: str, offset: int, *, size: int = 10 * MIB, transfer: str = OLD, item: int = 0, modified_ms: int | None = None
) -> StoredPart:
    return StoredPart(transfer, item, name, size, modified_ms, offset)


# --- windows


def test_windows_get_smaller_when_room_gets_short_and_a_newcomer_still_gets_one() -> None:
    pool = WindowPool()
    assert [pool.grant(f"device {n}") for n in range(9)] == [limits.WINDOW_BYTES] * 9
    assert limits.WINDOW_BYTES_MIN <= (pool.grant("a tenth") or 0) < limits.WINDOW_BYTES
    assert all(pool.grant(f"another {n}") for n in range(250))


def test_a_holders_third_window_at_once_is_a_middling_one_and_its_ninth_a_smallest() -> None:
    pool = WindowPool()
    large, middling, small = limits.WINDOW_BYTES, limits.WINDOW_BYTES // 8, limits.WINDOW_BYTES_MIN
    granted = [large] * LARGE_WINDOWS_MAX + [middling] * MIDDLING_WINDOWS_MAX + [small] * 2
    assert [pool.grant("greedy") for _ in granted] == granted
    for window in granted[1:]:
        pool.release("greedy", window)
    assert pool.grant("greedy") == large
    assert pool.grant("somebody else") == large


@given(st.lists(st.booleans(), max_size=600))
def test_windows_together_never_exceed_the_pool(grants: list[bool]) -> None:
    pool = WindowPool()
    held: list[int] = []
    for wants in grants:
        if wants and (window := pool.grant(f"device {len(held)}")) is not None:
            assert limits.WINDOW_BYTES_MIN <= window <= limits.WINDOW_BYTES
            held.append(window)
        elif held:
            pool.release(f"device {len(held) - 1}", held.pop())
    assert sum(held) + pool.free == limits.WINDOWS_BYTES_MAX
    assert pool.free >= 0


def test_a_pool_without_room_grants_nothing_until_a_window_is_released() -> None:
    pool = WindowPool(total=128 * 1024, each=64 * 1024, least=64 * 1024)
    assert [pool.grant(holder) for holder in ("a", "b", "c")] == [65_536, 65_536, None]
    pool.release("a", 65_536)
    assert pool.grant("c") == 65_536


# --- resume


def test_a_part_of_the_same_transfer_needs_no_proof_whatever_its_size() -> None:
    found = match_parts(T, [Item("a", 10), Item("b", 10)], (), [part("b", 3, size=10, transfer=T, item=1)])
    assert {item: (match.stored.offset, match.prove) for item, match in found.items()} == {1: (3, False)}


def test_a_part_of_a_continued_transfer_is_found_by_name_and_size_and_must_be_proven() -> None:
    stored = [part("a", 5 * MIB), part("b", 5 * MIB, size=11 * MIB), part("c", 5 * MIB, transfer=OTHER)]
    items = [Item("c", 10 * MIB), Item("b", 10 * MIB), Item("a", 10 * MIB, 77)]
    found = match_parts(T, items, [OLD], stored)
    assert {item: (match.stored.name, match.prove) for item, match in found.items()} == {2: ("a", True)}


def test_a_small_part_of_another_page_load_is_not_worth_a_proof() -> None:
    items = [Item("a", 10 * MIB)]
    assert match_parts(T, items, [OLD], [part("a", MIB - 1)]) == {}
    assert list(match_parts(T, items, [OLD], [part("a", MIB)])) == [0]


def test_what_is_whole_is_found_at_any_size_so_that_nothing_arrives_twice() -> None:
    stored = [part("a", 10, size=10), part("b", 0, size=0), part("c", 9, size=10)]
    found = match_parts(T, [Item("a", 10), Item("b", 0), Item("c", 10)], [OLD], stored)
    assert {item: (match.stored.offset, match.prove) for item, match in found.items()} == {0: (10, True), 1: (0, True)}


def test_the_modification_time_breaks_ties_and_each_part_is_used_once() -> None:
    stored = [part("image.jpg", 2 * MIB, modified_ms=1), part("image.jpg", 3 * MIB, item=1, modified_ms=2)]
    items = [Item("image.jpg", 10 * MIB, 9), Item("image.jpg", 10 * MIB, 2), Item("image.jpg", 10 * MIB, 8)]
    found = match_parts(T, items, [OLD], stored)
    assert {item: match.stored.offset for item, match in found.items()} == {0: 2 * MIB, 1: 3 * MIB}


def test_a_new_modification_time_at_each_pick_does_not_hinder_resuming() -> None:
    found = match_parts(T, [Item("a", 10 * MIB, 5)], [OLD], [part("a", 2 * MIB, modified_ms=4)])
    assert list(found) == [0]


def test_a_stored_item_that_the_manifest_contradicts_is_not_used() -> None:
    assert match_parts(T, [Item("a", 10)], (), [part("a", 3, size=11, transfer=T)]) == {}
    assert match_parts(T, [Item("a", 10)], (), [part("a", 3, size=10, transfer=T, item=7)]) == {}


def plain_rule(items: Sequence[Item], stored: Sequence[StoredPart]) -> dict[int, StoredPart]:
    """What `match_parts` promises of a continued transfer, as one would say it; slow."""
    left = [part for part in stored if part.offset == part.size or MIB <= part.offset < part.size]
    found: dict[int, StoredPart] = {}
    for same_time in (True, False):
        for index, item in enumerate(items):
            fitting = [part for part in left if (part.name, part.size) == (item.name, item.size)]
            if same_time:
                fitting = [part for part in fitting if item.modified_ms is not None is not part.modified_ms]
                fitting = [part for part in fitting if part.modified_ms == item.modified_ms]
            if index not in found and fitting:
                found[index] = max(fitting, key=lambda part: part.offset)
                left.remove(found[index])
    return found


SIZES, TIMES = st.sampled_from((0, 3 * MIB)), st.sampled_from((None, 1, 2))
ITEMS = st.lists(st.builds(Item, st.sampled_from("ab"), SIZES, TIMES), max_size=8)
PARTS = st.lists(st.tuples(st.sampled_from("ab"), SIZES, TIMES, st.sampled_from((0, 7, MIB, 2 * MIB, 3 * MIB))))


@given(ITEMS, PARTS)
def test_items_find_their_parts_as_the_plain_rule_says(
    items: list[Item], drawn: list[tuple[str, int, int | None, int]]
) -> None:
    stored = [
        StoredPart(OLD, number, name, size, time, min(size, offset))
        for number, (name, size, time, offset) in enumerate(drawn)
    ]
    found = match_parts(T, items, [OLD], stored)
    assert {index: match.stored for index, match in found.items()} == plain_rule(items, stored)
    assert all(match.prove for match in found.values())


class Moment(int):
    """A time that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Moment.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_many_files_of_one_name_and_time_are_not_compared_each_with_each() -> None:
    count = 1000
    items = [Item("a", 0, Moment(5)) for _ in range(count)]
    stored = [StoredPart(OLD, number, "a", 0, Moment(5), 0) for number in range(count)]
    Moment.compared = 0
    assert len(match_parts(T, items, [OLD], stored)) == count
    assert Moment.compared <= 10 * count
    Moment.compared = 0
    assert len(plain_rule(items, stored)) == count
    assert Moment.compared > 100 * count  # a control: it does compare them


def test_the_first_differing_block_says_where_to_rewind_to() -> None:
    ours = [bytes([n]) * 32 for n in range(4)]
    assert first_difference(ours, list(ours)) is None
    differing = first_difference([*ours[:2], b"x" * 32, ours[3]], ours)
    assert differing == 2
    assert block_start(differing) == 16 * MIB
    assert [block_count(offset) for offset in (0, 1, 8 * MIB, 8 * MIB + 1)] == [0, 1, 1, 2]


# --- pre-emption


@pytest.mark.parametrize(
    ("instance", "silent_s", "verdict"),
    [
        (7, 0.0, Verdict.REPLACES),  # the same page load came back
        (8, 0.0, Verdict.WAITS),
        (8, 9.99, Verdict.WAITS),
        (8, 10.0, Verdict.REPLACES),  # the other tab has fallen silent
    ],
)
def test_a_second_session_of_a_device(instance: int, silent_s: float, verdict: Verdict) -> None:
    assert settled(instance, silent_s=silent_s) is verdict


def settled(instance: int, *, silent_s: float = 0.0, idle: bool = False, gave_way: bool = False) -> Verdict:
    return settle(
        live_instance=7,
        live_heard_at=100.0,
        live_is_idle=idle,
        new_instance=instance,
        new_gave_way=gave_way,
        now=100.0 + silent_s,
    )


def test_an_idle_page_gives_way_to_a_new_one_and_never_takes_it_back_by_itself() -> None:
    assert settled(8, idle=True) is Verdict.REPLACES
    assert settled(8, idle=True, gave_way=True) is Verdict.WAITS
    assert settled(8, idle=False) is Verdict.WAITS
    assert settled(7, gave_way=True) is Verdict.REPLACES
    assert settled(8, gave_way=True, silent_s=10.0) is Verdict.REPLACES


# --- progress


def test_a_steady_rate_is_told_as_it_is_and_gives_the_time_left() -> None:
    progress = Progress()
    assert progress.left_s(100) is None
    for second in range(21):
        progress.update(second * 1000, float(second))
    assert (progress.rate, progress.left_s(2500), progress.left_s(0)) == (1000, 3, 0)


def test_a_pause_does_not_lower_the_rate_and_a_rewind_does_not_make_it_negative() -> None:
    progress = Progress()
    progress.update(0, 0.0)
    progress.update(1000, 1.0)
    progress.pause()
    progress.update(1000, 500.0)
    progress.update(2000, 501.0)
    assert progress.rate == 1000
    progress.update(0, 502.0)
    progress.update(1000, 503.0)
    assert progress.rate == 1000


def test_a_burst_changes_the_rate_slowly() -> None:
    progress = Progress()
    for second in range(10):
        progress.update(second * 1000, float(second))
    progress.update(9_000 + 100_000, 10.0)
    assert 1000 < progress.rate < 50_000


# --- manifests and acceptances of every size


def propose_and_accept(count: int) -> float:
    """CPU seconds that `count` items take both sides until all but one are done, page by page."""
    items = [Item(f"Urlaub/ü {n}.jpg", n) for n in range(count)]
    started = time.process_time()
    sender, receiver = Sender(T, items), Receiver(T)
    events: list[ReceiverEvent] = []
    for message in sender.propose():
        assert len(encode(message)) <= PAGE_BYTES_MAX
        page = decode(encode(message))
        assert isinstance(page, Propose)
        events += receiver.receive(page, 0.0)
    assert isinstance(events[0], Proposed)
    receipts = [ItemReceipt(n, items[n].name, n, "0" * 64) for n in range(count - 1)]
    receiver.accept(limits.WINDOW_BYTES, (), receipts)
    for message in receiver.messages_to_send(0.0):
        assert len(encode(message)) <= PAGE_BYTES_MAX
        answer = decode(encode(message))
        assert isinstance(answer, Accept)
        sender.receive(answer)
    assert sender.tally.items_done == count - 1
    return time.process_time() - started


def test_a_hundred_thousand_items_are_proposed_and_accepted_in_pages_that_fit() -> None:
    few = propose_and_accept(limits.ITEMS_MAX // 10)
    all_of_them = propose_and_accept(limits.ITEMS_MAX)
    assert all_of_them < 40 * few, "ten times the items took more than their share: 100 times is a loop in a loop"


def test_a_sender_refuses_what_its_receiver_would_refuse() -> None:
    with pytest.raises(LocalError):
        Sender(T, [Item("a", 1)] * (limits.ITEMS_MAX + 1))
    with pytest.raises(LocalError):
        Sender(T, [Item("x" * 4000, 1)] * 9000)
    with pytest.raises(LocalError):
        Sender(T, [])


def test_a_manifest_of_more_than_32_mib_is_declined() -> None:
    receiver = Receiver(T)
    page = [Item("x" * 4000, 1)] * 14
    first = 0
    while not receiver.is_over:
        receiver.receive(Propose(T, first, tuple(page), True, 90_000, 90_000), 0.0)
        first += len(page)
    assert first * 4082 < 33 * MIB
    assert receiver.messages_to_send(0.0) == [Decline(T, Reason.MANIFEST_TOO_LARGE)]
