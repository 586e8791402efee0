import io
import math
from typing import Any

import pytest

from ramify.experiments.progress import Progress, duration
from ramify.experiments.runs import Ending, Stopwatch


def progress(pieces: Any, workers: int = 1) -> tuple[Progress, io.StringIO]:
    stream = io.StringIO()
    return Progress(pieces, workers, stream), stream


def write_history(piece: Any, epochs: int) -> None:
    piece.folder.write_history([{"epoch": float(epoch)} for epoch in range(epochs)])


def test_nothing_is_promised_before_anything_is_known(plan):
    _, pieces = plan()
    found, _ = progress(pieces)
    assert math.isnan(found.seconds_left({}))
    assert found.line({}) == "0 of 8 runs"


def test_time_left_by_the_seconds_an_epoch_of_each_variant(plan):
    _, pieces = plan(seeds=(0,))
    found, _ = progress(pieces)
    # Ten epochs of each: 2 s an epoch for base, 6 s for ours.
    found.take(pieces[0], Ending("finished", 20.0, 10))
    assert found.seconds_left({}) == pytest.approx(3 * 20)
    found.take(pieces[1], Ending("finished", 60.0, 10))
    assert found.seconds_left({}) == pytest.approx(20 + 60)
    write_history(pieces[2], 5)
    assert found.seconds_left({}) == pytest.approx(10 + 60)
    assert found.line({}) == "2 of 4 runs, about 70 s left"


def test_several_at_a_time_but_never_faster_than_the_longest(plan):
    _, pieces = plan(seeds=(0,))
    found, _ = progress(pieces, workers=2)
    found.take(pieces[0], Ending("finished", 20.0, 10))
    found.take(pieces[1], Ending("finished", 60.0, 10))
    assert found.seconds_left({}) == pytest.approx(60)
    for piece in pieces[2:]:
        found.take(piece, Ending("finished", 20.0, 10))
    assert found.seconds_left({}) == 0.0


def test_a_run_at_work_tells_its_pace(plan, monkeypatch):
    _, pieces = plan(variants={"base": {}, "ours": {}}, folds=(0,), seeds=(0,))
    found, _ = progress(pieces)
    write_history(pieces[0], 1)
    watch = Stopwatch(pieces[0])
    write_history(pieces[0], 3)
    monkeypatch.setattr(Stopwatch, "seconds", 8.0)
    # Two epochs in eight seconds, of one that was there before; seven more of it, and ten of the other.
    assert found.seconds_left({pieces[0].name: watch}) == pytest.approx(4.0 * (7 + 10))
    assert found.line({pieces[0].name: watch}).endswith("(base, fold 0, seed 0: epoch 3)")


def test_failures_are_counted_and_tell_no_pace(plan):
    _, pieces = plan()
    found, stream = progress(pieces)
    found.take(pieces[0], Ending("failed", 1.0, 3, "diverged"))
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
