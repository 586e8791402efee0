"""All runs of an experiment that are not done, several at a time; one that fails does not cost the others."""

from collections import deque
from collections.abc import Sequence

from ramify.console.signals import saying_what_is_kept, signals_stop
from ramify.experiments.plan import Run
from ramify.experiments.runs import Ending, Stopwatch, check_unchanged, ending_of, record_ending
from ramify.experiments.settings import ExperimentSettings
from ramify.experiments.status_line import StatusLine, duration
from ramify.experiments.workers import Outcome, Worker, wait_for_news
from ramify.processes.environment import thread_share

LOOK_SECONDS = 1.0
"""How often the line with the time left is renewed."""
ATTEMPTS = 2
"""How often a run whose process was killed is begun: it may have been another one that took the memory."""


def run_experiment(experiment: ExperimentSettings, runs: Sequence[Run]) -> dict[str, Ending]:
    """Do every run that is not finished; how each ended, by its name.

    Runs that failed in an earlier session are tried again, from where they were. What is recorded in the folder of a
    run is all that is remembered: a killed experiment goes on when it is started again.

    Raises:
        ValueError: a run was begun with other settings.
        KeyboardInterrupt: told to stop; the runs at work were ended.
    """
    for run in runs:
        check_unchanged(run)
    endings = {run.name: ending for run in runs if (ending := ending_of(run)) and ending.state == "finished"}
    todo = [run for run in runs if run.name not in endings]
    status = StatusLine(runs, min(experiment.workers, max(1, len(todo))))
    for run in runs:
        if run.name in endings:
            status.take(run, endings[run.name])
    if not todo:
        return endings
    status.tell(f"{len(todo)} of {len(runs)} runs to do, {min(experiment.workers, len(todo))} at a time")
    with (
        signals_stop(),
        _Crew(experiment, todo, status) as crew,
        saying_what_is_kept(lambda: _kept(len(endings) + len(crew.endings), len(runs))),
    ):
        ended = crew.work()
    return endings | ended


def _kept(ended: int, count: int) -> str:
    """What an interruption leaves, in words."""
    others = "those at work are at their latest checkpoints"
    return f"{ended} of {count} runs have ended, {others}; the same command goes on"


class _Crew:
    """Workers and what is left for them; a context manager that ends them.

    endings: of the runs that have ended, by name.
    """

    def __init__(self, experiment: ExperimentSettings, todo: Sequence[Run], status: StatusLine) -> None:
        self._queue, self._status = deque(todo), status
        self.endings: dict[str, Ending] = {}
        self._attempts: dict[str, int] = {}
        self._too_large: dict[str, str] = {}
        threads = experiment.threads or thread_share(experiment.workers)
        gpus = experiment.gpus or (None,)
        count = min(experiment.workers, len(todo))
        self._workers = [Worker(threads, gpus[number % len(gpus)]) for number in range(count)]

    def __enter__(self) -> "_Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self._status.close()
        for worker in self._workers:
            worker.stop()

    def work(self) -> dict[str, Ending]:
        """Give out the runs until none is left."""
        while self._give_out():
            wait_for_news(self._workers, LOOK_SECONDS)
            for worker in self._workers:
                if (news := worker.outcome()) is not None:
                    self._take(*news)
            self._status.show(self._at_work())
        return self.endings

    def _give_out(self) -> bool:
        """Keep every worker busy; whether any is."""
        for worker in self._workers:
            while self._queue and worker.run is None:
                run = self._queue.popleft()
                if reason := self._too_large.get(run.variant):
                    # Told once already: one line for a variant that does not fit.
                    self._end(run, Ending("failed", 0.0, 0, f"not begun: {reason}"))
                else:
                    self._attempts[run.name] = self._attempts.get(run.name, 0) + 1
                    worker.give(run)
        return any(worker.run is not None for worker in self._workers)

    def _take(self, run: Run, outcome: Outcome, watch: Stopwatch) -> None:
        if not outcome.reason:
            self._end(run, watch.ending("finished"))
            self._status.tell(f"done: {run.name}, {duration(watch.seconds)}; {self._status.line(self._at_work())}")
            return
        if outcome.died and self._attempts[run.name] < ATTEMPTS:
            self._status.tell(f"again later: {run.name}: {outcome.reason}")
            self._queue.append(run)
            return
        self._end(run, watch.ending("failed", outcome.reason))
        advice = ""
        if outcome.for_memory:
            self._too_large[run.variant] = outcome.reason
            others = sum(other.variant == run.variant for other in self._queue)
            advice = "; try fewer --workers, a smaller batch or a smaller patch"
            advice += f"; the variant's other {others} runs are left out" if others else ""
        self._status.tell(f"failed: {run.name}: {outcome.reason}{advice}")

    def _end(self, run: Run, ending: Ending) -> None:
        record_ending(run, ending)
        self.endings[run.name] = ending
        self._status.take(run, ending)

    def _at_work(self) -> dict[str, Stopwatch]:
        return {worker.run.name: worker.watch for worker in self._workers if worker.run and worker.watch}
