"""What doctor finds is told in bounds, once for all who ask at the same time, and taken back when it is well again."""

import asyncio
import threading

from qrshared.daemon.examining import FINDINGS_MAX, SEEN_CHARACTERS_MAX, Examiner
from qrshared.remote.checkup import Finding


async def test_no_more_findings_and_no_longer_texts_are_told_than_a_message_holds() -> None:
    many = [Finding(f"check {n}", n % 2 == 0, "s" * 1_000, "a" * 1_000) for n in range(FINDINGS_MAX + 1)]
    found = await Examiner(lambda: many, lambda _check, _sentence: None).look()
    assert len(found.findings) == FINDINGS_MAX
    assert {len(one.seen) for one in found.findings} == {SEEN_CHARACTERS_MAX}
    assert {len(one.advice) for one in found.findings} == {SEEN_CHARACTERS_MAX}


async def test_a_line_that_is_well_again_is_no_problem_any_more() -> None:
    said: dict[str, str | None] = {}
    lines = [[Finding("disk", False, "Full", "Make room")], [Finding("disk", True, "76 GB", "")]]
    examiner = Examiner(lambda: lines.pop(0), said.__setitem__)
    await examiner.look()
    assert said == {"doctor disk": "Disk: Full. Make room"}
    await examiner.look()
    assert said == {"doctor disk": None}


async def test_who_asks_while_a_look_is_under_way_gets_what_that_one_finds() -> None:
    looks, may_end = 0, threading.Event()

    def look() -> list[Finding]:
        nonlocal looks
        looks += 1
        may_end.wait(20)
        return [Finding("clock", True, "right", "")]

    examiner = Examiner(look, lambda _check, _sentence: None)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(examiner.look())
        second = tasks.create_task(examiner.look())
        while looks == 0:
            await asyncio.sleep(0)
        may_end.set()
    assert first.result() == second.result()
    assert looks == 1
