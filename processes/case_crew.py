"""Cases given out to processes of this machine, which live from job to job."""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import wait
from typing import Any

from ramify.processes.case_worker import CaseWorker
from ramify.processes.crew import USUAL, Crew, Death, Processes, ReportT, ToolT, Watcher

_LOOK_SECONDS = 1.0
"""How often who looks on is told, where there is no news."""


class CaseCrew(Crew[ToolT]):
    """Processes of this machine, each with a pipe to this one. Reports come in order where there is one process.

    Args:
        tool: what jobs are done with; picklable. A case is rather given to the process that has had it before.
        workers: how many processes at most; each starts when there is work for it.
        processes: what they are like.
    """

    _remedy = "use fewer --workers"

    def __init__(self, tool: ToolT, workers: int, processes: Processes = USUAL) -> None:
        super().__init__(tool, processes)
        self._count = workers
        self._workers: list[CaseWorker[ToolT]] = []

    def __exit__(self, *_: object) -> None:
        self._end(self._workers)

    def _outcomes(
        self, do: Callable[[ToolT, str], ReportT], waiting: deque[str], watcher: Watcher
    ) -> Generator[tuple[str, ReportT | Death], None, None]:
        try:
            while self._give_out(do, waiting, watcher):
                watcher.sees([worker.case_id for worker in self._workers if worker.case_id is not None])
                for worker in self._with_news():
                    case_id = worker.case_id
                    assert case_id is not None, "only of a worker at work"
                    try:
                        report: ReportT = worker.report()
                    except EOFError:
                        how = worker.how_it_died()
                        self._end([worker])
                        yield case_id, Death(how)
                    else:
                        yield case_id, report
        finally:
            self._end([worker for worker in self._workers if worker.case_id is not None])

    def _give_out(self, do: Callable[[ToolT, str], Any], queue: deque[str], watcher: Watcher) -> bool:
        """Keep every worker busy; whether any is."""
        idle = [worker for worker in self._workers if worker.case_id is None]
        while len(queue) > len(idle) and len(self._workers) < self._count:
            idle.append(self._started())
            self._workers.append(idle[-1])
        for worker in idle:
            while queue and worker.case_id is None:
                case_id = self._rather_for(worker, queue)
                queue.remove(case_id)
                if watcher.wants(case_id):
                    worker.give(do, case_id)
        return any(worker.case_id is not None for worker in self._workers)

    def _started(self) -> CaseWorker[ToolT]:
        """A new process, at the first place that is free."""
        taken = {worker.place for worker in self._workers}
        place = next(number for number in itertools.count() if number not in taken)
        variables = self.processes.variables(place, several=self._count > 1)
        return CaseWorker(self.tool, variables, self.processes.grace_seconds, place)

    def _rather_for(self, worker: CaseWorker[ToolT], queue: deque[str]) -> str:
        """The first case that this worker has had, else the first that none has, else the first."""
        others = [other.had for other in self._workers if other is not worker]
        its = (case_id for case_id in queue if case_id in worker.had)
        nobodys = (case_id for case_id in queue if not any(case_id in had for had in others))
        return next(its, None) or next(nobodys, queue[0])

    def _with_news(self) -> list[CaseWorker[ToolT]]:
        """Wait a while for workers that have come to the end of a case, or of themselves."""
        at_work = [worker for worker in self._workers if worker.case_id is not None]
        news = wait([worker.pipe for worker in at_work], _LOOK_SECONDS)
        return [worker for worker in at_work if worker.pipe in news]

    def _end(self, workers: Sequence[CaseWorker[ToolT]]) -> None:
        # All at once: none has to wait for the grace of another one.
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.stop()
        self._workers = [worker for worker in self._workers if worker not in workers]
