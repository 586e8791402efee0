"""A run begun in a process of a crew: what it would show goes to its log, and whatever stops it becomes a line."""

import traceback
from collections.abc import Mapping
from typing import NamedTuple

from ramify.console.error_line import line_of, out_of_memory
from ramify.experiments.plan import Run
from ramify.experiments.runs import Ending, Stopwatch, carry_out, log_file
from ramify.processes.child_process import was_killed_for_memory
from ramify.training.run_folder import claim_run
from ramify.training.worker_log import printing_to


class Outcome(NamedTuple):
    """What became of a run.

    reason: why it failed, in one line; empty where it did not.
    for_memory: whether that was for want of memory.
    """

    reason: str = ""
    for_memory: bool = False


class Report(NamedTuple):
    """What is told of a run. ending: None of one whose process is gone, which cannot say how long it was at work."""

    name: str
    outcome: Outcome
    ending: Ending | None = None


def attempt(runs: Mapping[str, Run], name: str) -> Report:
    """Do a run of these, named by `Run.name`, as far as it is not done."""
    run = runs[name]
    watch = Stopwatch(run)
    outcome = _logged(run)
    return Report(name, outcome, watch.ending("failed" if outcome.reason else "finished", outcome.reason))


def lost(name: str, how: str) -> Report:
    """What is told of a run whose process died."""
    return Report(name, Outcome(how, for_memory=was_killed_for_memory(how)))


def _logged(run: Run) -> Outcome:
    """Do a run, with what it would show in its log."""
    try:
        # First of all: a folder is made Ramify's as long as it is empty.
        claim_run(run.settings)
    except (ValueError, OSError) as error:
        return Outcome(line_of(error))
    with printing_to(log_file(run)):
        return _outcome(run)


def _outcome(run: Run) -> Outcome:
    """Do a run; whatever stops it becomes a line."""
    try:
        carry_out(run)
        return Outcome()
    except (ValueError, OSError) as error:
        return Outcome(line_of(error))
    except Exception as error:
        if out_of_memory(error):
            traceback.print_exc()
            _free_memory()
            return Outcome(f"out of memory ({line_of(error)[:160]})", for_memory=True)
        # A fault of ours: the log has its traceback, and the other runs go on.
        traceback.print_exc()
        return Outcome(f"{type(error).__name__}: {line_of(error)} (see {log_file(run)})")


def _free_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
