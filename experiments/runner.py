"""All runs of an experiment that are not done, several at a time; one that fails does not cost the others."""

from collections.abc import Sequence

from ramify.console.signals import saying_what_is_kept, signals_stop
from ramify.experiments.attempt import Outcome, Report, attempt, lost
from ramify.experiments.plan import Run
from ramify.experiments.runs import Ending, Stopwatch, check_unchanged, ending_of, record_ending
from ramify.experiments.settings import ExperimentSettings
from ramify.experiments.status_line import StatusLine, duration
from ramify.processes.crew import Crew, Processes, Watcher
from ramify.processes.crews import crew_of
from ramify.processes.environment import thread_share

GRACE_SECONDS = 5.0
"""How long a process that is told to end may take."""


def run_experiment(experiment: ExperimentSettings, runs: Sequence[Run]) -> dict[str, Ending]:
    """Do every run that is not finished; how each ended, by its name.

    Runs that failed in an earlier session are tried again, from where they were. What is recorded in the folder of a
    run is all that is remembered: a killed experiment goes on when it is started again.

    Raises:
        ValueError: a run was begun with other settings; or as `ClusterCrew`.
        OSError: as `ClusterCrew`.
        KeyboardInterrupt: told to stop; the runs at work were ended.
    """
    for run in runs:
        check_unchanged(run)
    endings = {run.name: ending for run in runs if (ending := ending_of(run)) and ending.state == "finished"}
    todo = {run.name: run for run in runs if run.name not in endings}
    at_a_time = max(1, min(experiment.workers, len(todo)))
    status = StatusLine(runs, at_a_time)
    for run in runs:
        if run.name in endings:
            status.take(run, endings[run.name])
    if not todo:
        return endings
    where = f"{at_a_time} at a time" if experiment.cluster is None else f"on {experiment.cluster}"
    status.tell(f"{len(todo)} of {len(runs)} runs to do, {where}")
    session = _Session(todo, status)
    with (
        signals_stop(),
        saying_what_is_kept(lambda: _kept(len(endings) + len(session.endings), len(runs))),
        crew_of(todo, experiment, len(todo), processes_of(experiment)) as crew,
    ):
        try:
            session.work(crew)
        finally:
            status.close()
    return endings | session.endings


def processes_of(experiment: ExperimentSettings) -> Processes:
    """What the processes are like that do runs.

    A run whose process died is begun once more when all others are done: it may have been one of them that took the
    memory. So the crew itself begins each once.
    """
    threads = experiment.threads
    if threads is None and experiment.cluster is None:
        threads = thread_share(experiment.workers)
    return Processes(threads, experiment.gpus, GRACE_SECONDS, attempts=1, is_long=True, takes_gpu=True)


def _kept(ended: int, count: int) -> str:
    """What an interruption leaves, in words."""
    others = "those at work are at their latest checkpoints"
    return f"{ended} of {count} runs have ended, {others}; the same command goes on"


class _Session(Watcher):
    """What becomes of the runs.

    endings: of those that have ended, by name.
    """

    def __init__(self, runs: dict[str, Run], status: StatusLine) -> None:
        self._runs, self._status = runs, status
        self.endings: dict[str, Ending] = {}
        self._at_work: dict[str, Stopwatch] = {}

    def work(self, crew: Crew[dict[str, Run]]) -> None:
        """Let the crew do the runs until none is left."""
        again = self._begin(crew, list(self._runs), is_last=False)
        self._begin(crew, again, is_last=True)

    def wants(self, case_id: str) -> bool:
        return case_id not in self.endings

    def sees(self, case_ids: Sequence[str]) -> None:
        self._at_work = {name: self._at_work.get(name) or Stopwatch(self._runs[name]) for name in case_ids}
        self._status.show(self._at_work)

    def _begin(self, crew: Crew[dict[str, Run]], names: Sequence[str], is_last: bool) -> list[str]:
        """Take up these runs; the names of those that are to be taken up once more."""
        again = []
        for report in crew.reports(attempt, names, lost, self):
            watch = self._at_work.pop(report.name, None) or Stopwatch(self._runs[report.name])
            if report.ending is None and not is_last:
                self._status.tell(f"again later: {report.name}: {report.outcome.reason}")
                again.append(report.name)
            else:
                self._take(report, report.ending or watch.ending("failed", report.outcome.reason))
        return again

    def _take(self, report: Report, ending: Ending) -> None:
        self._end(report.name, ending)
        if ending.state == "finished":
            line = self._status.line(self._at_work)
            self._status.tell(f"done: {report.name}, {duration(ending.seconds)}; {line}")
        else:
            advice = self._leave_out(report.name, report.outcome) if report.outcome.for_memory else ""
            self._status.tell(f"failed: {report.name}: {report.outcome.reason}{advice}")

    def _leave_out(self, name: str, outcome: Outcome) -> str:
        """Let the other runs of a variant that does not fit be, which is told once; the advice."""
        variant = self._runs[name].variant
        others = [
            run.name
            for run in self._runs.values()
            if run.variant == variant and run.name not in self.endings and run.name not in self._at_work
        ]
        for other in others:
            self._end(other, Ending("failed", 0.0, 0, f"not begun: {outcome.reason}"))
        advice = "; try fewer --workers, a smaller batch or a smaller patch"
        return advice + (f"; the variant's other {len(others)} runs are left out" if others else "")

    def _end(self, name: str, ending: Ending) -> None:
        run = self._runs[name]
        record_ending(run, ending)
        self.endings[name] = ending
        self._status.take(run, ending)
