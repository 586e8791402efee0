"""Signals end a command in good order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ramify.console.signals import Stopped, last_words, saying_what_is_kept, signals_stop, stop_at_a_good_moment

ROOT = Path(__file__).parents[2]
WAITING = """
import sys, time
from ramify.command_line import run
from ramify.console.signals import saying_what_is_kept

def main():
    with saying_what_is_kept(lambda: "2 of 3 cases are in out"):
        try:
            print("ready", flush=True)
            time.sleep(600)
        finally:
            print("cleaned up", flush=True)

run(main)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_cleans_up_names_what_is_kept_and_exits_with_128_and_its_number(name):
    number = getattr(signal, name)
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A shell's background job ignores SIGINT from the start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (128 + number, "cleaned up\n")
    assert err == f"stopped by {name}: 2 of 3 cases are in out\n"


def test_the_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stop, signals_stop():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_stop():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_last_words():
    with pytest.raises(KeyboardInterrupt) as interrupt, saying_what_is_kept(lambda: "nothing is lost"):
        raise KeyboardInterrupt
    assert last_words(interrupt.value) == "stopped by SIGINT: nothing is lost"


def test_work_that_may_be_left_at_some_moments_alone_asks():
    before = signal.getsignal(signal.SIGINT)
    with stop_at_a_good_moment() as stop:
        assert stop() is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop() == "SIGTERM"
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop() == "SIGTERM"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_is_impatience(capfd):
    with stop_at_a_good_moment() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop() == "SIGINT"
        assert capfd.readouterr().err == "\nSIGINT: stopping as soon as may be; Ctrl-C now ends it at once\n"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
