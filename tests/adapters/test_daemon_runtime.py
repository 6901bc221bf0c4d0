"""The daemon's process keeps freed memory, so that the next frame costs no page faults."""

import subprocess
import sys

import pytest

# Each round makes and frees what a window of frames is made of.
ROUNDS = """
import resource
from qrshared.daemon.runtime import fit_to_transfers
{before}
def rounds(count):
    for _ in range(count):
        frames = [b"x" * (1 << 20) for _ in range(8)]
        del frames
rounds(4)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
rounds(20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(before: str) -> int:
    ended = subprocess.run(
        [sys.executable, "-c", ROUNDS.format(before=before)], capture_output=True, text=True, check=True
    )
    return int(ended.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the advice is glibc's")
def test_a_process_that_is_fit_for_transfers_does_not_fault_its_frames_in_again() -> None:
    unfit = faults("")
    if unfit < 20 * 8 * 100:
        pytest.skip("this C library keeps freed memory by itself")
    assert faults("fit_to_transfers()") < unfit / 20


def test_a_thread_gives_way_after_a_millisecond() -> None:
    code = "import sys; from qrshared.daemon.runtime import fit_to_transfers as f; f(); print(sys.getswitchinterval())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(ended.stdout) == pytest.approx(0.001)
