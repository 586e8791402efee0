"""Cases given out to processes of their own: one that dies costs its case a second try, and no other case anything."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any, Generic, Self, TypeVar

from ramify.processes.case_worker import CaseWorker

ToolT = TypeVar("ToolT")
ReportT = TypeVar("ReportT")
ATTEMPTS = 2
"""How often a case is begun whose worker dies: it may have been another one that took the memory."""
_ADVICE = "a file of it may be damaged, or memory is short: use fewer --workers"


def case_reports(
    do: Callable[[str], ReportT], case_ids: Sequence[str], workers: int, lost: Callable[[str, str], ReportT]
) -> Iterator[ReportT]:
    """The reports of a crew that has one job alone: see `CaseCrew.reports`."""
    use: Callable[[Callable[[str], ReportT], str], ReportT] = _use
    with CaseCrew(do, min(workers, len(case_ids))) as crew:
        yield from crew.reports(use, case_ids, lost)


def _use(do: Callable[[str], ReportT], case_id: str) -> ReportT:
    """The job of a crew whose tool is what it does."""
    return do(case_id)


class CaseCrew(Generic[ToolT]):
    """Processes that do one job on the cases after another, and end with the crew.

    Args:
        tool: what jobs are done with; picklable. Each process has its own, which may keep something from job to job: a
            case is rather given to the process that has had it before.
        workers: how many processes at most; each starts when there is work for it.
    """

    def __init__(self, tool: ToolT, workers: int) -> None:
        self.tool = tool
        self._count = workers
        self._workers: list[CaseWorker[ToolT]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._workers)

    def reports(
        self, do: Callable[[ToolT, str], ReportT], case_ids: Sequence[str], lost: Callable[[str, str], ReportT]
    ) -> Iterator[ReportT]:
        """What became of each case, as they are done; in order with one worker.

        Whoever stops listening ends the processes at work.

        Args:
            do: what is done with the tool and a case, in another process; picklable, and so is what it returns.
            case_ids: the cases.
            lost: from a case whose worker died at every attempt, and in words how, to its report.
        """
        queue, deaths = deque(case_ids), Counter[str]()
        try:
            while self._give_out(do, queue):
                for worker in self._with_news():
                    case_id = worker.case_id
                    assert case_id is not None, "only of a worker at work"
                    try:
                        report: ReportT = worker.report()
                    except EOFError:
                        how = worker.how_it_died()
                        self._end([worker])
                        deaths[case_id] += 1
                        if deaths[case_id] < ATTEMPTS:
                            queue.appendleft(case_id)
                            continue
                        report = lost(case_id, f"its worker process {how}, twice; {_ADVICE}")
                    yield report
        finally:
            self._end([worker for worker in self._workers if worker.case_id is not None])

    def _give_out(self, do: Callable[[ToolT, str], Any], queue: deque[str]) -> bool:
        """Keep every worker busy; whether any is."""
        idle = [worker for worker in self._workers if worker.case_id is None]
        while len(queue) > len(idle) and len(self._workers) < self._count:
            idle.append(CaseWorker(self.tool, single_thread=self._count > 1))
            self._workers.append(idle[-1])
        for worker in idle[: len(queue)]:
            case_id = self._rather_for(worker, queue)
            queue.remove(case_id)
            worker.give(do, case_id)
        return any(worker.case_id is not None for worker in self._workers)

    def _rather_for(self, worker: CaseWorker[ToolT], queue: deque[str]) -> str:
        """The first case that this worker has had, else the first that none has, else the first."""
        others = [other.had for other in self._workers if other is not worker]
        its = (case_id for case_id in queue if case_id in worker.had)
        nobodys = (case_id for case_id in queue if not any(case_id in had for had in others))
        return next(its, None) or next(nobodys, queue[0])

    def _with_news(self) -> list[CaseWorker[ToolT]]:
        """Wait for workers that have come to the end of a case, or of themselves."""
        at_work = [worker for worker in self._workers if worker.case_id is not None]
        news = wait([worker.pipe for worker in at_work])
        return [worker for worker in at_work if worker.pipe in news]

    def _end(self, workers: Sequence[CaseWorker[ToolT]]) -> None:
        for worker in workers:
            worker.stop()
        self._workers = [worker for worker in self._workers if worker not in workers]
