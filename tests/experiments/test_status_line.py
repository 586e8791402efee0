import io
import math
from typing import Any

import pytest

from ramify.experiments.runs import Ending, Stopwatch
from ramify.experiments.status_line import StatusLine, duration


def status(runs: Any, workers: int = 1) -> tuple[StatusLine, io.StringIO]:
    stream = io.StringIO()
    return StatusLine(runs, workers, stream), stream


def write_history(run: Any, epochs: int) -> None:
    run.folder.write_history([{"epoch": float(epoch)} for epoch in range(epochs)])


def test_nothing_is_promised_before_anything_is_known(plan):
    _, runs = plan()
    found, _ = status(runs)
    assert math.isnan(found.seconds_left({}))
    assert found.line({}) == "0 of 8 runs"


def test_time_left_by_the_seconds_an_epoch_of_each_variant(plan):
    _, runs = plan(seeds=(0,))
    found, _ = status(runs)
    # Ten epochs of each: 2 s an epoch for base, 6 s for ours.
    found.take(runs[0], Ending("finished", 20.0, 10))
    assert found.seconds_left({}) == pytest.approx(3 * 20)
    found.take(runs[1], Ending("finished", 60.0, 10))
    assert found.seconds_left({}) == pytest.approx(20 + 60)
    write_history(runs[2], 5)
    assert found.seconds_left({}) == pytest.approx(10 + 60)
    assert found.line({}) == "2 of 4 runs, about 70 s left"


def test_several_at_a_time_but_never_faster_than_the_longest(plan):
    _, runs = plan(seeds=(0,))
    found, _ = status(runs, workers=2)
    found.take(runs[0], Ending("finished", 20.0, 10))
    found.take(runs[1], Ending("finished", 60.0, 10))
    assert found.seconds_left({}) == pytest.approx(60)
    for run in runs[2:]:
        found.take(run, Ending("finished", 20.0, 10))
    assert found.seconds_left({}) == 0.0


def test_a_run_at_work_tells_its_pace(plan, monkeypatch):
    _, runs = plan(variants={"base": {}, "ours": {}}, folds=(0,), seeds=(0,))
    found, _ = status(runs)
    write_history(runs[0], 1)
    watch = Stopwatch(runs[0])
    write_history(runs[0], 3)
    monkeypatch.setattr(Stopwatch, "seconds", 8.0)
    # Two epochs in eight seconds, of one that was there before; seven more of it, and ten of the other.
    assert found.seconds_left({runs[0].name: watch}) == pytest.approx(4.0 * (7 + 10))
    assert found.line({runs[0].name: watch}).endswith("(base, fold 0, seed 0: epoch 3)")


def test_failures_are_counted_and_tell_no_pace(plan):
    _, runs = plan()
    found, stream = status(runs)
    found.take(runs[0], Ending("failed", 1.0, 3, "diverged"))
    assert found.line({}) == "1 of 8 runs, 1 failed"
    found.tell("a line")
    found.show({})
    found.close()
    # Without a terminal no line moves.
    assert stream.getvalue() == "a line\n"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (89, "89 s"), (91, "2 min"), (5000, "83 min"), (5500, "1.5 h"), (360000, "100.0 h")],
)
def test_durations(seconds, told):
    assert duration(seconds) == told
