"""Processes that leave Ctrl-C to the one that started them."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

import pytest

from ramify.processes.child_process import start_child


def tell(pipe: Connection) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    pipe.send(os.environ["TOLD"])


def test_ctrl_c_reaches_the_parent_alone():
    ours, theirs = multiprocessing.Pipe()
    process = start_child(tell, (theirs,), {"TOLD": "lives"}, daemon=True)
    theirs.close()
    assert ours.recv() == "lives"
    assert "TOLD" not in os.environ
    process.join()
    assert process.exitcode == 0
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
