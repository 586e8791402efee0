"""What a call costs: whatever the machine, the memory that it took is seen, and every call is made."""

import math
import os

import numpy as np
import pytest

from benchmarks.cost import LINUX_RESET, alternating_seconds, cost_of, in_own_process, synchronised


def test_a_process_of_its_own_gives_the_result_back():
    assert in_own_process(os.getppid) == os.getpid()


def test_every_repeat_is_a_call():
    calls = []
    cost = cost_of(lambda: calls.append(1), 3)
    assert len(calls) == 3
    assert math.isfinite(cost.seconds)
    assert cost.seconds >= 0


@pytest.mark.skipif(not LINUX_RESET.exists(), reason="needs /proc")
def test_the_peak_is_that_of_the_call():
    taken = 64
    # Written to, or the system would not give it.
    large = cost_of(lambda: np.ones(taken * 2**20, np.uint8).sum(), 2)
    small = cost_of(lambda: np.ones(2**20, np.uint8).sum(), 2)
    assert taken * 0.9 < large.mebibytes < taken * 2
    assert small.mebibytes < taken / 2


def test_calls_take_turns():
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    seconds = alternating_seconds(calls, 2)
    assert order == list("abcabc")
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 2, "b": 2, "c": 2}


def test_on_a_cpu_nothing_has_to_be_waited_for():
    assert synchronised(len, "cpu") is len
