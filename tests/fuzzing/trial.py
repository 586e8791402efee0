"""Many damaged files through one reader, in a child process that may hang or die without taking the rest along."""

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzzing.mutations import mutate
from tests.fuzzing.reader import Reader

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 10.0
"""For one file: reading on after that counts as hanging."""
MOST_SECONDS_ASLEEP = 300.0
MOST_MEMORY = 3 << 30
"""Bytes of address space beyond what the process has when it starts."""
UNPACK_LIMIT_GB = "0.2"


@dataclass
class Outcome:
    """Counts of files that were read and refused, and what happened at each input that failed."""

    counts: Counter = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.counts['read']} read, {self.counts['refused']} refused, {len(self.failures)} failures"


def damaged(reader: Reader, valid: list[bytes], seed: int, number: int) -> bytes:
    """Input `number` of a seed: the same on every machine."""
    digest = hashlib.sha256(f"{reader.name} {seed} {number}".encode()).digest()
    chance = random.Random(digest)
    return mutate(chance.choice(valid), chance.choice(valid), chance)


def try_readers(names: Sequence[str], count: int, seed: int) -> dict[str, Outcome]:
    """`count` damaged files through each reader by name; goes on in a new process where one hangs or dies."""
    outcomes = {name: Outcome() for name in names}
    done = 0
    while done < count * len(names):
        done = _one_process(names, done, count, seed, outcomes)
    return outcomes


def _one_process(names: Sequence[str], first: int, count: int, seed: int, outcomes: dict[str, Outcome]) -> int:
    """Runs the inputs of all readers, counted through, from `first` on; returns the one to go on with."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        log = Path(folder) / "log"
        log.touch()
        command = [sys.executable, "-m", "tests.fuzzing", "--child", folder, str(first), str(count), str(seed), *names]
        environment = os.environ | {"RAMIFY_UNPACK_LIMIT_GB": UNPACK_LIMIT_GB}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as child:
            hung = _watch(child, log)
            stderr = child.stderr.read() if child.stderr else ""
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        outcome = outcomes[names[line["input"] // count]]
        if line["what"] == "failure":
            outcome.failures[line["input"] % count] = line["said"]
        elif line["what"] != "begun":
            outcome.counts[line["what"]] += 1
    if child.returncode == 0 and not hung:
        return count * len(names)
    if not lines:
        raise RuntimeError(f"the process did not start: {stderr[-2000:]}")
    last = lines[-1]["input"]
    said = "hangs" if hung else f"the process dies ({child.returncode}) {stderr[-200:]!r}"
    outcomes[names[last // count]].failures[last % count] = said
    return last + 1


def _watch(child: subprocess.Popen, log: Path) -> bool:
    """Wait for a child as long as its log grows; end it where it computes on, or sleeps for good.

    Time is the child's own, so that a busy machine makes nothing hang.
    """
    size, since, computed = -1, time.monotonic(), 0.0
    while child.poll() is None:
        time.sleep(0.05)
        now, used = log.stat().st_size, _seconds_computed(child.pid)
        if now != size:
            size, since, computed = now, time.monotonic(), used
        elif size > 0 and (used - computed > MOST_SECONDS or time.monotonic() - since > MOST_SECONDS_ASLEEP):
            child.kill()
            child.wait()
            return True
    return False


def _seconds_computed(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def be_the_child(readers: Sequence[Reader], folder: Path, first: int, count: int, seed: int) -> None:
    """Read inputs one after the other, and log before and after each."""
    valid = {reader.name: reader.valid() for reader in readers}
    with (folder / "log").open("a", encoding="utf-8", buffering=1) as log:

        def say(number: int, what: str, said: str = "") -> None:
            log.write(json.dumps({"input": number, "what": what, "said": said}) + "\n")

        used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, used + MOST_MEMORY))
        for number in range(first, count * len(readers)):
            reader = readers[number // count]
            say(number, "begun")
            say(number, *_outcome(reader, folder, damaged(reader, valid[reader.name], seed, number % count)))


def _outcome(reader: Reader, folder: Path, content: bytes) -> tuple[str, str]:
    path = folder / reader.name / reader.file_name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    try:
        reader.read(path)
    except (ValueError, OSError) as error:
        said = str(error)
        one_line = said and "\n" not in said and not isinstance(error, UnicodeError)
        return ("refused", "") if one_line else ("failure", f"{type(error).__name__}: not one line: {said!r:.300}")
    except BaseException as error:
        return "failure", f"{type(error).__name__}: {str(error)[:300]}"
    return "read", ""
