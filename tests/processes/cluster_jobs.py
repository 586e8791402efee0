"""What cases of the tests on clusters do, and no more: processes that load pytest for it start for seconds."""

import os
import signal
import time

from ramify.processes.environment import THREAD_LIMITS
from tests.processes.case_jobs import note


def limits_of(memory, case_id):
    return {name: os.environ.get(name) for name in THREAD_LIMITS}


def worker_of(memory, case_id):
    return os.getppid()


async def has_gpus(count, dask_worker):
    await dask_worker.set_resources(GPU=count)


def take_the_worker_along(memory, case_id):
    """The worker that this process belongs to is killed, once."""
    told = memory.folder / "killed"
    if case_id == "unlucky" and not told.exists():
        told.write_text(str(os.getppid()), encoding="ascii")
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return note(memory, case_id)


def stay(memory, case_id):
    if case_id == "stuck":
        (memory.folder / "begun").write_text(str(os.getpid()), encoding="ascii")
        time.sleep(600)
    while not (memory.folder / "begun").exists():
        time.sleep(0.01)
    return note(memory, case_id)
