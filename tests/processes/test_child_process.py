"""Processes that leave Ctrl-C to the one that started them."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

import pytest

from ramify.processes.child_process import start_unreached_by_interrupts


def tell(pipe: Connection) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    pipe.send("lives")


def test_ctrl_c_reaches_the_parent_alone():
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=tell, args=(theirs,))
    start_unreached_by_interrupts(process)
    theirs.close()
    assert ours.recv() == "lives"
    process.join()
    assert process.exitcode == 0
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
