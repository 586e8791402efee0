"""What cases of the tests of crews do, and no more: processes that load pytest for it start for seconds."""

import multiprocessing
import os
import signal
import time
from pathlib import Path


class Memory:
    """A tool that knows what was done with it, and a folder to leave notes in."""

    def __init__(self, folder: Path = Path()) -> None:
        self.folder = folder
        self.done: list[str] = []


def note(memory, case_id):
    memory.done.append(case_id)
    return os.getpid(), case_id, tuple(memory.done)


def slowly(memory, case_id):
    time.sleep(0.05)
    return note(memory, case_id)


def lost(case_id, how):
    return None, case_id, how


def die(memory, case_id):
    if case_id == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return note(memory, case_id)


def reports_beside_a_death(crew):
    """How a case died, in words, and by which processes the others were done."""
    reports = {case_id: (pid, rest) for pid, case_id, rest in crew.reports(die, ["a", "deadly", "b"], lost)}
    nobody, how = reports.pop("deadly")
    assert nobody is None
    return how, {case_id: pid for case_id, (pid, _) in reports.items()}


def where(folder: Path, case_id: str) -> int:
    (folder / case_id).write_text(str(os.getpid()))
    return os.getpid()


def gpu_of(folder: Path, case_id: str) -> str:
    (folder / f"{case_id}_{os.getpid()}").touch()
    # The other process is at work all the while.
    while len([*folder.iterdir()]) < (3 if case_id == "a" else 2):
        time.sleep(0.01)
    if case_id == "deadly" and len([*folder.glob("deadly*")]) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{case_id}: {os.environ['CUDA_VISIBLE_DEVICES']} {os.environ['OMP_NUM_THREADS']}"


def put_away(folder: Path, case_id: str) -> None:
    """It has a process of its own, as a training has that load, and something to put away."""
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
    child.start()
    try:
        (folder / "begun").write_text(str(child.pid), encoding="ascii")
        time.sleep(600)
    finally:
        (folder / "put_away").touch()


def stay(folder: Path, case_id: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "begun").write_text(str(os.getpid()), encoding="ascii")
    time.sleep(600)
