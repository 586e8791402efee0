"""Cases given out to processes of their own: one that dies costs its case a second try, and no other case anything."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Generic, TypeVar

from ramify.processes.case_worker import CaseWorker

ReportT = TypeVar("ReportT")
ATTEMPTS = 2
"""How often a case is begun whose worker dies: it may have been another one that took the memory."""


def case_reports(
    do: Callable[[str], ReportT], case_ids: Sequence[str], workers: int, lost: Callable[[str, str], ReportT]
) -> Iterator[ReportT]:
    """What became of each case, as they are done; in order with one worker. Whoever stops listening ends the workers.

    Args:
        do: what is done with a case, in another process; picklable, and so is what it returns.
        case_ids: the cases.
        workers: how many at a time.
        lost: from a case whose worker died at every attempt, and in words how, to its report.
    """
    crew = _Crew(do, case_ids, min(workers, len(case_ids)), lost)
    try:
        yield from crew.reports()
    finally:
        crew.stop()


class _Crew(Generic[ReportT]):
    """The workers, and what is left for them."""

    def __init__(
        self, do: Callable[[str], ReportT], case_ids: Sequence[str], workers: int, lost: Callable[[str, str], ReportT]
    ) -> None:
        self._do, self._queue, self._count, self._lost = do, deque(case_ids), workers, lost
        self._begun: Counter[str] = Counter()
        self._workers: list[CaseWorker[ReportT]] = []

    def reports(self) -> Iterator[ReportT]:
        while self._give_out():
            at_work = {worker.pipe: worker for worker in self._workers if worker.case_id is not None}
            for pipe in wait(list(at_work)):
                worker = next(worker for its, worker in at_work.items() if its is pipe)
                if (report := self._outcome(worker)) is not None:
                    yield report

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers = []

    def _give_out(self) -> bool:
        """Keep every worker busy; whether any is."""
        while self._queue and len(self._workers) < self._count:
            self._workers.append(CaseWorker(self._do, single_thread=self._count > 1))
        for worker in self._workers:
            if self._queue and worker.case_id is None:
                case_id = self._queue.popleft()
                self._begun[case_id] += 1
                worker.give(case_id)
        return any(worker.case_id is not None for worker in self._workers)

    def _outcome(self, worker: CaseWorker[ReportT]) -> ReportT | None:
        """The report on a worker's case; None for one that is begun again because the worker died."""
        if (report := worker.report()) is not None:
            return report
        case_id, how = worker.case_id, worker.how_it_died()
        assert case_id is not None, "only of a worker at work"
        self._workers.remove(worker)
        worker.stop()
        if self._begun[case_id] < ATTEMPTS:
            self._queue.appendleft(case_id)
            return None
        advice = "a file of it may be damaged, or memory is short: use fewer --workers"
        return self._lost(case_id, f"its worker process {how}, twice; {advice}")
