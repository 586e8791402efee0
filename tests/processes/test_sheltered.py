"""A signal to all processes of a command leaves those that help it to the one that they help."""

import multiprocessing
import signal
import subprocess
import threading
from multiprocessing.connection import Connection

import pytest

from ramify.processes.sheltered import ENDING, heed_parent_alone, sheltering

pytestmark = pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="needs the locks of POSIX")


def answer(pipe: Connection) -> None:
    heed_parent_alone()
    while True:
        pipe.send(pipe.recv())


def test_a_signal_from_elsewhere_is_not_heeded_that_of_the_parent_is():
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=answer, args=(theirs,), daemon=True)
    with sheltering():
        process.start()
    # Before it can have said anything about signals, and after.
    for question in range(2):
        for each in ENDING:
            subprocess.run(["/bin/sh", "-c", f"kill -{int(each)} {process.pid}"], check=True)
        ours.send(question)
        assert ours.poll(60)
        assert ours.recv() == question
    # One that comes while another one waits to be taken is lost in it.
    for _ in range(600):
        process.terminate()
        process.join(0.1)
        if not process.is_alive():
            break
    assert process.exitcode == 0


def test_what_is_held_back_comes_afterwards():
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with sheltering():
            # To this thread: one of the process may be taken by a thread that was there before.
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
