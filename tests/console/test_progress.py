"""Progress in a log: whole lines, and few of them."""

import contextlib
import io
import sys

import pytest

from ramify.console.progress import QUIET_VARIABLE, LogLines, duration, followed, progress


class Clock:
    """Time that passes only when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end():
    stream, clock = io.StringIO(), Clock()
    with LogLines("train", 1000, "step", stream=stream, clock=clock) as shown:
        for _ in range(1000):
            clock.now += 0.1
            shown.update()
    lines = stream.getvalue().splitlines()
    assert stream.getvalue().endswith("\n")
    assert len(lines) == 4  # after 30, 60, 90 and 100 seconds
    assert lines[0] == "train: 300 of 1000 steps in 30 s, about 1 min 10 s left"
    assert lines[-1] == "train: 1000 of 1000 steps in 1 min 40 s"
    assert "\r" not in stream.getvalue()


def test_what_was_done_before_says_nothing_of_the_time_left():
    stream, clock = io.StringIO(), Clock()
    shown = LogLines("train", 100, "step", done=50, stream=stream, clock=clock)
    clock.now = 40
    shown.set_postfix_str("loss=0.5")
    shown.update(10)
    assert stream.getvalue() == "train: 60 of 100 steps in 40 s, about 2 min 40 s left (loss=0.5)\n"


def test_what_stands_beside_is_a_line_as_soon_as_one_is_due():
    """An epoch that is over, or a case of a long validation, in which no step is done."""
    stream, clock = io.StringIO(), Clock()
    shown = LogLines("train", 4, "step", stream=stream, clock=clock)
    clock.now = 40
    shown.set_postfix_str("nothing is done yet")
    shown.update()
    clock.now = 60
    shown.set_postfix_str("epoch 1 of 2")
    clock.now = 72
    shown.set_postfix_str("for the bar alone", refresh=False)
    shown.set_postfix_str("epoch 2 of 2")
    lines = stream.getvalue().splitlines()
    assert lines == [
        "train: 1 of 4 steps in 40 s, about 2 min 00 s left (nothing is done yet)",
        "train: 1 of 4 steps in 1 min 12 s, about 3 min 36 s left (epoch 2 of 2)",
    ]


@pytest.mark.parametrize(("steps", "seconds"), [(0, 100), (50, 29)])
def test_nothing_done_and_what_takes_no_time_are_no_line(steps, seconds):
    stream, clock = io.StringIO(), Clock()
    with LogLines("train", 100, "step", done=50, stream=stream, clock=clock) as shown:
        clock.now = seconds
        shown.update(steps)
    assert stream.getvalue() == ""


def test_an_interruption_tells_how_far_it_was():
    stream, clock = io.StringIO(), Clock()
    with contextlib.suppress(KeyboardInterrupt), LogLines("train", 9, "step", stream=stream, clock=clock) as shown:
        shown.update(3)
        clock.now = 31
        raise KeyboardInterrupt
    assert stream.getvalue().startswith("train: 3 of 9 steps")


def test_items_are_followed(capsys, monkeypatch):
    monkeypatch.delenv(QUIET_VARIABLE, raising=False)
    monkeypatch.setattr("ramify.console.progress.LOG_SECONDS", 0.0)
    assert list(followed("abc", "reading", "case")) == ["a", "b", "c"]
    err = capsys.readouterr().err
    assert [line.split(" in ")[0] for line in err.splitlines()] == [f"reading: {n} of 3 cases" for n in (1, 2, 3)]


def test_quiet_shows_nothing(capsys, monkeypatch):
    monkeypatch.setenv(QUIET_VARIABLE, "1")
    assert list(followed("abc", "reading", "case")) == ["a", "b", "c"]
    with progress("train", 3, "step") as shown:
        shown.update()
        shown.set_postfix_str("loss=1")
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.delenv(QUIET_VARIABLE, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(followed("abc", "reading", "case")) == ["a", "b", "c"]
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
