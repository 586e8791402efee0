"""Locks of the system: held alone, shared, waited for."""

import math
import os
import threading
import time

import pytest

from ramify.processes.system_lock import is_running, take_lock

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the locks of POSIX")


@pytest.fixture
def opened(tmp_path):
    """Opens the same file again and again."""
    descriptors = []

    def another() -> int:
        descriptors.append(os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT))
        return descriptors[-1]

    yield another
    for descriptor in descriptors:
        os.close(descriptor)


def test_one_holds_a_lock_alone_and_many_share_one(opened):
    assert take_lock(opened(), shared=True)
    assert take_lock(opened(), shared=True)
    with pytest.raises(BlockingIOError, match="another process holds the lock"):
        take_lock(opened())


def test_a_lock_is_waited_for(tmp_path, opened):
    held = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    assert take_lock(held)
    began = time.monotonic()
    with pytest.raises(BlockingIOError):
        take_lock(opened(), wait_seconds=0.05)
    assert time.monotonic() - began >= 0.05
    threading.Timer(0.05, os.close, [held]).start()
    assert take_lock(opened(), wait_seconds=math.inf)


def test_a_process_runs_or_does_not():
    assert is_running(os.getpid())
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    assert not is_running(child)
