"""Kill every command at any moment, again and again, and see that nothing is lost: `make kill-test`.

    python -m tests.killing --kills 100 --seed 0

Each command is killed (SIGKILL; every third time SIGTERM) in the same folder until its share of the kills is used up,
then runs to its end. What must hold: the raw data and what the command read is what it was; nothing that the command
started lives on; after SIGTERM the exit code is 143; the end equals that of a run that was never killed; no temporary
file is left. Prints a line a command, and exits with 1 where one did not hold.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ramify.console.signals import signals_stop
from tests.killing.commands import Command, commands, make_ready

ROOT = Path(__file__).parents[2]
OURS = "RAMIFY_KILL_TEST"
ORPHAN_SECONDS = 30.0
END_SECONDS = 900.0
LEFTOVER = re.compile(r"\.part$|^\.tmp-|^\.old-|\.tmp$|^\.ramify-|^\.lock$")
STAYS = ".ses"
"""What onnxruntime keeps in the folder for temporary files, on purpose and once for all."""
ENDED = "ended before"
ATTEMPTS = 4
TERMINATED = 128 + signal.SIGTERM


class KillTest:
    """The commands, where they work, and what was seen."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.mark = f"{os.getpid()}-{seed}"
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(self.temporary), OURS: self.mark}
        # A cache of torch is meant to stay.
        self.environment["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "torch")

    def start(self, line: list[str]) -> "subprocess.Popen[bytes]":
        log = (self.folder / "log.txt").open("ab")
        with log:
            return subprocess.Popen(line, cwd=ROOT, stdout=log, stderr=log, env=self.environment)

    def run(self, line: list[str]) -> None:
        process = self.start(line)
        if code := process.wait(END_SECONDS):
            tail = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-1500:]
            raise RuntimeError(f"{' '.join(line[1:3])} ended with {code}: {tail}")

    def alive(self) -> list[int]:
        """Processes that a command of this test started, and that still run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if f"{OURS}={self.mark}".encode() in environment.split(b"\0") and state != "Z":
                found.append(int(folder.name))
        return found

    def kill(self, command: Command, result: Path, longest: float, number: int) -> str:
        """Start the command and kill it after a while; what was wrong, or how it went."""
        command.put_ready(result)
        process = self.start(command.line(result))
        time.sleep(self.random.uniform(0, longest))
        sent = signal.SIGTERM if number % 3 == 2 else signal.SIGKILL
        ended = process.poll() is not None
        process.send_signal(sent)
        code = process.wait(ORPHAN_SECONDS)
        if not self.all_gone():
            return "orphans"
        if ended or code == 0:
            return ENDED
        # A kill while Python itself starts meets no handler yet.
        return "killed" if code in (-sent, TERMINATED) else f"exit code {code}"

    def all_gone(self) -> bool:
        """Whether everything that was started is gone, soon if not now; what is not is ended."""
        end = time.monotonic() + ORPHAN_SECONDS
        while self.alive() and time.monotonic() < end:
            time.sleep(0.1)
        return not self.end_all()

    def end_all(self) -> int:
        """End whatever still runs; how many that were."""
        left = self.alive()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return len(left)

    def leftovers(self, result: Path) -> list[str]:
        """Temporary files in the result or in the system's folder for them."""
        inside = [str(path.relative_to(result)) for path in result.rglob("*") if LEFTOVER.search(path.name)]
        return inside + [path.name for path in self.temporary.iterdir() if path.name != STAYS]


def digest(*folders: Path) -> str:
    """Of all files in some folders."""
    whole = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            whole.update(f"{path}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def try_command(
    test: KillTest, command: Command, kills: int, before: str, inputs: tuple[Path, Path]
) -> tuple[int, list[str]]:
    """Run a command whole, then kill another run of it many times and let that end.

    Returns how many kills there were, and what did not hold.
    """
    whole, killed = test.folder / "whole", test.folder / "killed"
    command.put_ready(whole)
    began = time.monotonic()
    test.run(command.line(whole))
    longest = time.monotonic() - began
    seen: Counter[str] = Counter()
    while seen.total() - seen[ENDED] < kills and seen[ENDED] < ATTEMPTS * kills:
        what = test.kill(command, killed, longest, seen.total())
        seen[what] += 1
        if what == ENDED:
            # What was over before it could be killed is no kill: begin anew, and be quicker.
            longest *= 0.9
            shutil.rmtree(killed, ignore_errors=True)
    wrong = [f"{times} times {what}" for what, times in seen.items() if what not in ("killed", ENDED)]
    try:
        command.put_ready(killed)
        test.run(command.line(killed))
        if command.outcome(whole) != command.outcome(killed):
            wrong.append("another result than without a kill")
    except (RuntimeError, OSError, KeyError) as error:
        wrong.append(f"did not go on: {error}")
    wrong += [f"left {name}" for name in test.leftovers(killed)[:3]]
    if digest(*inputs) != before:
        wrong.append("its inputs were changed")
    told = ", ".join(f"{times} {what}" for what, times in sorted(seen.items()))
    print(f"{command.name}: {told}; {'; '.join(wrong) or 'nothing lost, nothing left'}", flush=True)
    for folder in (whole, killed):
        shutil.rmtree(folder)
    return seen.total() - seen[ENDED], wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill every command at any moment, and see that nothing is lost.")
    parser.add_argument("--kills", type=int, default=100, help="of all commands together")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", default="", help="commands whose name holds this")
    arguments = parser.parse_args()
    with signals_stop(), tempfile.TemporaryDirectory(prefix="ramify-killing-") as folder:
        test = KillTest(Path(folder), arguments.seed)
        raw, ready = Path(folder) / "raw", Path(folder) / "ready"
        try:
            make_ready(raw, ready, test.run)
            before = digest(raw, ready)
            chosen = [command for command in commands(raw, ready) if arguments.only in command.name]
            shares = [len(range(place, arguments.kills, len(chosen))) for place in range(len(chosen))]
            tried = [try_command(test, one, kills, before, (raw, ready)) for one, kills in zip(chosen, shares)]
        finally:
            test.end_all()
    killed, failed = sum(kills for kills, _ in tried), sum(bool(wrong) for _, wrong in tried)
    print(f"{killed} kills of {len(chosen)} commands, seed {arguments.seed}: {failed} commands with faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
