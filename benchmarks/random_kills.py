"""Commands that run to their end, while a random process of theirs is killed (kill -9) every so many seconds."""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from benchmarks.worker_groups import WorkerGroups

Kind = Literal["command", "worker", "case process"]
_TAIL_CHARACTERS = 2000
_LOST_TWICE = "SIGKILL.*, twice; "
"""In what a command says of a case whose process was killed at both attempts."""


class Victim(NamedTuple):
    """A process that may be killed, and what it is."""

    kind: Kind
    pid: int


class Kills:
    """When the next process is killed, which, and what was killed so far.

    Attributes:
        seen: how many of each kind were killed.
        lost_twice: how often a command was given again since a case of it had lost two processes.

    Args:
        seconds: between two kills, whichever command runs.
        seed: of the choice.
        groups: the workers of a cluster, where cases are given out to one.
    """

    def __init__(self, seconds: float, seed: int, groups: WorkerGroups | None = None) -> None:
        self.seen: Counter[Kind] = Counter()
        self.lost_twice = 0
        self._seconds, self._random, self._groups = seconds, random.Random(seed), groups
        self._due = time.monotonic() + seconds

    def seconds_left(self) -> float:
        """Until the next kill."""
        return max(0.0, self._due - time.monotonic())

    def in_words(self) -> str:
        """Who was killed so far."""
        kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(self.seen.items())) or "none"
        return f"{kinds}; given again since a case had lost two processes: {self.lost_twice}"

    def kill_one(self, command: int) -> Kind | None:
        """Kill a process of a command, itself or a worker or one that has a case; what it was, None if it was gone.

        A worker is started anew at once.
        """
        self._due += self._seconds
        victim = self._random.choice(list(victims(command, [] if self._groups is None else self._groups.pids)))
        try:
            process = psutil.Process(victim.pid)
            process.kill()
        except psutil.NoSuchProcess:
            return None
        self.seen[victim.kind] += 1
        if victim.kind == "worker" and self._groups is not None:
            process.wait()
            self._groups.stand_up()
        return victim.kind


def victims(command: int, workers: Sequence[int]) -> Iterator[Victim]:
    """The command, the workers, and the processes of cases that either has."""
    yield Victim("command", command)
    yield from (Victim("worker", pid) for pid in workers)
    for parent in (command, *workers):
        try:
            children = [child.pid for child in psutil.Process(parent).children() if has_cases(child)]
        except psutil.NoSuchProcess:
            continue
        yield from (Victim("case process", pid) for pid in children)


def has_cases(process: psutil.Process) -> bool:
    """Whether a process was started to work on cases; multiprocessing's own are not."""
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def run_through(line: Sequence[str], folder: Path, log: Path, kills: Kills | None = None) -> float:
    """Run a command to its end, anew with the same line whenever it was killed; how many seconds that took.

    A case of which two processes were killed is told as failed, as is promised: then, too, the line is given again.

    folder: where it stands. log: what it says goes there. kills: of its processes; None kills none.
    Raises RuntimeError where it ends otherwise than well.
    """
    began = time.monotonic()
    with log.open("ab") as stream:
        while True:
            said_before = log.stat().st_size
            process = subprocess.Popen(line, cwd=folder, stdout=stream, stderr=stream)
            try:
                code = _ended(process, kills)
            finally:
                process.kill()
                process.wait()
            if code == 0:
                return time.monotonic() - began
            if code is None:
                continue
            said = log.read_bytes()[said_before:].decode(errors="replace")
            if kills is None or code != 1 or not re.search(_LOST_TWICE, said):
                raise RuntimeError(f"{' '.join(line[1:])} ended with {code}:\n{said[-_TAIL_CHARACTERS:]}")
            kills.lost_twice += 1


def _ended(process: subprocess.Popen[bytes], kills: Kills | None) -> int | None:
    """The exit code of a command; None where it was killed by us."""
    while True:
        try:
            return process.wait(None if kills is None else kills.seconds_left())
        except subprocess.TimeoutExpired:
            if kills is not None and kills.kill_one(process.pid) == "command":
                return None
