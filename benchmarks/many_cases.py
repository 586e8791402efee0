"""1,000 tiny cases and 200 phantoms through preprocess, predict and evaluate, each way of giving cases out; and killed.

    pip install distributed
    python -m benchmarks.many_cases [--cases 1000] [--phantoms 200] [--ways 1 2 4 groups] [--killed groups]

Ways: so many --workers of this machine, or groups: a scheduler that two workers have joined over loopback, each with
two processes of cases. A row a command: seconds from its start to its end, and milliseconds a case of that. engine:
what a task costs each way that does nothing. Then the same commands the ways that --killed names, while every
--kill-seconds a random process is killed (kill -9): one that has a case, a whole worker, which is started anew, or the
command, which is then given again with the same line; so it is where a case has lost two processes and is told as
failed. In the end every file of every way must be there with the bytes of the first way, no other file beside them,
nothing in the folder for temporary files, and no process alive. What does not hold is printed, a line each, and the
exit code is 1. Commit nothing meanwhile: evaluate.py writes the commit of its code beside the scores.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import psutil
from pydantic import BaseModel, Field

from benchmarks.cluster import lost, nothing
from benchmarks.random_kills import Kills, has_cases, run_through
from benchmarks.worker_groups import WorkerGroups, worker_groups
from ramify.command_line import parse, run
from ramify.data.adapters.form_settings import PhantomDatasetSettings
from ramify.data.adapters.phantom import PhantomAdapter
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.disk.ledger import MARK
from ramify.phantoms.settings import TreeSettings
from ramify.processes.crew import Crew
from ramify.processes.crew_settings import CrewSettings
from ramify.processes.crews import crew_of
from ramify.processes.environment import environment, limited_to

Way = Literal["1", "2", "4", "groups"]
ROOT = Path(__file__).parents[1]
GROUPS, GROUP_THREADS = 2, 2
LEAST_SIDE, SIDES = 12, 5
WINDOW = (16, 16, 16)
PHANTOM_SIZE, PHANTOM_SPACING_MM, PHANTOM_TERMINALS = 32, 4.0, 12
_OURS = "RAMIFY_MANY_CASES"
"""A variable in the environment of every process of this benchmark, by which those that were left are found."""
_TASKS = 500
_ORPHAN_SECONDS = 30.0
_MOMENT_SECONDS = 0.1


class ManyCasesBenchmark(BaseModel, frozen=True, extra="forbid"):
    """How many cases, and which ways they go."""

    cases: int = Field(default=1000, ge=2)
    """Tiny cases, of 12 x 12 x 12 to 16 x 16 x 16 voxels."""
    phantoms: int = Field(default=200, ge=2)
    """Phantoms of 32 x 32 x 32 voxels."""
    ways: tuple[Way, ...] = Field(default=("1", "2", "4", "groups"), min_length=1)
    """How cases are given out; with the first, all others are compared."""
    killed: tuple[Way, ...] = ("groups",)
    """The same, while processes are killed."""
    kill_seconds: float = Field(default=20.0, gt=0)
    """Between two kills."""
    seed: int = Field(default=0, ge=0)
    """Of the choice whom to kill."""


class Stage(NamedTuple):
    """A command over one data set."""

    name: str
    data: str
    cases: int
    words: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(ManyCasesBenchmark, __doc__, argv)
    with tempfile.TemporaryDirectory(prefix="ramify-many-cases-") as name, marked(Path(name)):
        world = Path(name)
        began = time.monotonic()
        stages = make_world(world, command.cases, command.phantoms)
        written = f"{command.cases} cases and {command.phantoms} phantoms written"
        print(f"{written} in {time.monotonic() - began:.0f} s", flush=True)
        print(f"{'':>14} {'':>8} {'':>10}        s  ms a case")
        wrong: list[str] = []
        for place, way in enumerate(command.ways):
            wrong += gone_through(world, way, stages, way, None)
            if place:
                wrong += differences(world / command.ways[0], world / way)
        for way in command.killed:
            wrong += gone_through(world, f"{way}-killed", stages, way, (command.kill_seconds, command.seed))
            wrong += differences(world / command.ways[0], world / f"{way}-killed")
    print("\n".join(wrong) or "nothing lost, nothing changed, nothing left")
    return 1 if wrong else 0


@contextmanager
def marked(world: Path) -> Iterator[None]:
    """What is started in here is marked, has one thread, finds Ramify, and its temporary files go into the world."""
    (world / "temporary").mkdir()
    # What Dask itself keeps on the disk is none of ours.
    of_dask = {"DASK_TEMPORARY_DIRECTORY": str(world / "scratch")}
    its = {"PYTHONPATH": str(ROOT), "TMPDIR": str(world / "temporary"), _OURS: str(os.getpid()), **of_dask}
    # This process has it until it ends.
    resource_tracker.ensure_running()
    with environment({**its, **limited_to(1)}):
        try:
            yield
        finally:
            for process in alive():
                process.kill()


def make_world(world: Path, cases: int, phantoms: int) -> list[Stage]:
    """Write both data sets and a network; the commands over them, which write into the folder that they stand in."""
    for number in range(cases):
        write_pair(world / "tiny", f"case_{number:04d}", *tiny_case(number))
    settings = PhantomDatasetSettings(
        cases=phantoms,
        size=(PHANTOM_SIZE,) * 3,
        spacing_mm=(PHANTOM_SPACING_MM,) * 3,
        trees=TreeSettings(terminals=PHANTOM_TERMINALS),
    )
    adapter = PhantomAdapter(settings)
    for case_id in adapter.case_ids():
        raw = adapter.load(case_id)
        assert raw.organ is not None, "phantoms have an organ"
        write_pair(world / "phantoms", case_id, raw.image, raw.organ, raw.vessels)
    write_network(world / "network.pt")
    return [*stages_of(world, "tiny", cases), *stages_of(world, "phantoms", phantoms)]


def tiny_case(number: int) -> tuple[Volume, Volume, Volume]:
    """Image, organ and vessels: two bars that cross, in noise."""
    side, noise = LEAST_SIDE + number % SIDES, np.random.default_rng(number)
    organ, vessels = np.zeros((2, *(side,) * 3), bool)
    organ[1:-1, 1:-1, 1:-1] = True
    row, column = noise.integers(3, side - 4, 2)
    vessels[2:-2, row : row + 2, column : column + 2] = True
    vessels[side // 2 : side // 2 + 2, 2:-2, column : column + 2] = True
    image = Volume((noise.normal(0, 20, vessels.shape) + 90 * vessels).astype(np.float32), (1.0, 1.0, 1.0))
    return image, image.with_array(organ), image.with_array(vessels)


def write_pair(root: Path, case_id: str, image: Volume, organ: Volume, vessels: Volume) -> None:
    """Write a case as the data set `pairs` has it."""
    for folder, volume in (("images", image), ("organs", organ), ("labels", vessels)):
        write_volume(root / folder / f"{case_id}.nii.gz", volume)


def write_network(path: Path) -> None:
    """Write the checkpoint of a small untrained network."""
    # Nothing else of this benchmark loads torch.
    import torch

    from benchmarks.large_volume import untrained
    from ramify.training.checkpoint import save_checkpoint

    # Its masks are neither empty nor full.
    torch.manual_seed(5)
    save_checkpoint(path, untrained(WINDOW))


def stages_of(world: Path, data: str, count: int) -> list[Stage]:
    """The commands over a data set, in their order."""
    root = world / data
    pairs = ("--dataset", "pairs", "--root", str(root), "--folds.folds", "2", "--preprocessing.organ-ml", "0", "4000")
    organ, labels = ("--organ", str(root / "organs")), ("--truth", str(root / "labels"))
    seen = ("--checkpoint", str(world / "network.pt"), "--input", str(root / "images"), "--device", "cpu")
    masks = ("--prediction", f"{data}/masks")
    return [
        Stage("preprocess", data, count, (*pairs, "--output", f"{data}/cases")),
        Stage("predict", data, count, (*seen, *organ, "--output", f"{data}/masks", "--resume")),
        Stage("evaluate", data, count, (*masks, *labels, *organ, "--output", f"{data}/scores")),
    ]


def gone_through(
    world: Path, name: str, stages: Sequence[Stage], way: Way, kills: tuple[float, int] | None
) -> list[str]:
    """Run all stages one way and print how long they took; what was left behind, a line each.

    name: of the run, and of the folder with what it writes. kills: seconds between two, and the seed; None for none.
    """
    folder, scratch = world / name, world / "scratch"
    folder.mkdir()
    cluster = worker_groups(GROUPS, GROUP_THREADS, scratch) if way == "groups" else nullcontext(None)
    with cluster as groups:
        if kills is None:
            print(f"{name:>14} engine: {overhead(way, groups):.2f} ms a task", flush=True)
        each = None if kills is None else Kills(*kills, groups)
        for stage in stages:
            line = [sys.executable, str(ROOT / f"{stage.name}.py"), *stage.words, *place_of(way, groups)]
            seconds = run_through(line, folder, world / f"{name}.log", each)
            row = f"{name:>14} {stage.data:>8} {stage.name:>10} {seconds:8.1f} {1e3 * seconds / stage.cases:10.1f}"
            print(row, flush=True)
        if each is not None:
            print(f"{name:>14} killed: {each.in_words()}", flush=True)
        wrong = [f"{name}: process {process.pid} still has a case" for process in left_behind(has_cases_only=True)]
    wrong += [f"{name}: process {process.pid} lives on" for process in left_behind()]
    return [*wrong, *(f"{name}: {path.name} was left in TMPDIR" for path in (world / "temporary").iterdir())]


def place_of(way: Way, groups: WorkerGroups | None) -> tuple[str, str]:
    """The flag that gives cases out that way."""
    return ("--workers", way) if groups is None else ("--cluster", groups.scheduler_file)


def overhead(way: Way, groups: WorkerGroups | None) -> float:
    """Milliseconds a task that does nothing, once all processes are there."""
    settings = CrewSettings(workers=int(way)) if groups is None else CrewSettings(cluster=groups.scheduler_file)
    crew: Crew[None] = crew_of(None, settings, _TASKS)
    with crew:
        list(crew.reports(nothing, [f"first_{number}" for number in range(_TASKS // 10)], lost))
        began = time.monotonic()
        list(crew.reports(nothing, [f"case_{number}" for number in range(_TASKS)], lost))
        return 1e3 * (time.monotonic() - began) / _TASKS


def differences(expected: Path, found: Path) -> list[str]:
    """What a folder lacks, has beside, or has with other bytes than another; ledgers are in the order of writing."""
    theirs, its = files_in(expected), files_in(found)
    lacking = [f"{found.name}: {path} is lost" for path in sorted(theirs - its)]
    beside = [f"{found.name}: {path} was left" for path in sorted(its - theirs)]
    both = sorted(theirs & its)
    changed = [
        f"{found.name}: {path} has other bytes"
        for path in both
        if (expected / path).read_bytes() != (found / path).read_bytes()
    ]
    return lacking + beside + changed


def files_in(folder: Path) -> set[str]:
    """Every file below a folder but for ledgers, relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != MARK}


def left_behind(has_cases_only: bool = False) -> list[psutil.Process]:
    """Processes of ours that do not end within a while; has_cases_only: of those that work on cases."""
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while found := [process for process in alive() if not has_cases_only or has_cases(process)]:
        if time.monotonic() > deadline:
            return found
        time.sleep(_MOMENT_SECONDS)
    return []


def alive() -> list[psutil.Process]:
    """Processes that this one has started, or that those have, and that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get(_OURS) == str(os.getpid())
            if is_ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


if __name__ == "__main__":
    run(main)
