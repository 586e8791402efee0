"""What every crew promises that cases are given out to, on this machine or on those of a cluster.

A case whose process dies is begun once more and then told as lost, and costs no other case anything. A crew ends with
the process that made it, however that ended: nothing is left that writes. What comes out depends neither on how many
work nor on where they do.
"""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, Self, TypeVar

from ramify.processes.environment import limited_to, single_threaded

ToolT = TypeVar("ToolT")
ReportT = TypeVar("ReportT")
ATTEMPTS = 2
"""How often a case is begun whose process dies: it may have been another one that took the memory."""


@dataclass(frozen=True)
class Processes:
    """What the processes of a crew are like.

    threads: of each one's arithmetic; None for one where several work, unless the user has set a limit.
    gpus: numbers of this machine's GPUs, shared out in turn; none leaves the choice to CUDA.
    grace_seconds: how long one that is ended amid a case may take to put its things away, and those of processes of its
        own; 0 ends it at once.
    attempts: how often a case is begun whose process dies.
    is_long: whether a case may take hours: none waits at a scheduler behind another.
    takes_gpu: whether a case goes, where workers of a cluster have a resource GPU, to one of them and takes one of it.
    """

    threads: int | None = None
    gpus: tuple[int, ...] = ()
    grace_seconds: float = 0.0
    attempts: int = ATTEMPTS
    is_long: bool = False
    takes_gpu: bool = False

    def variables(self, place: int, several: bool) -> dict[str, str]:
        """The environment of one of them, which has this place among those of this machine."""
        share = limited_to(self.threads) if self.threads else single_threaded() if several else {}
        gpu = {"CUDA_VISIBLE_DEVICES": str(self.gpus[place % len(self.gpus)])} if self.gpus else {}
        return {**share, **gpu}

    def why_lost(self, how: str, remedy: str) -> str:
        """Why there is nothing of a case whose processes died, in words.

        how: the last of them ended. remedy: where memory was short.
        """
        if self.attempts == 1:
            return f"its worker process {how}"
        return f"its worker process {how}, twice; a file of it may be damaged, or memory is short: {remedy}"


USUAL = Processes()
"""Those of cases that take seconds or minutes."""


class Watcher:
    """Who looks on while cases are done; this one lets everything pass."""

    def wants(self, case_id: str) -> bool:
        """Whether a case is to be begun, asked right before; of one that is not there is no report."""
        return True

    def sees(self, case_ids: Sequence[str]) -> None:
        """These are at work, on a cluster also those given out to it; told after each change, and every second."""


NOBODY = Watcher()


class Death(NamedTuple):
    """How the processes that had a case died, in words, and whether no other is to try."""

    how: str
    is_last: bool = False


class Crew(ABC, Generic[ToolT]):
    """Processes that do one job on the cases after another; a context manager that ends them.

    Args:
        tool: what jobs are done with; picklable. Each process has its own, which may keep something from job to job.
        processes: what they are like.
    """

    _remedy: ClassVar[str]
    """What to do where memory was short."""

    def __init__(self, tool: ToolT, processes: Processes = USUAL) -> None:
        self.tool, self.processes = tool, processes

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    def reports(
        self,
        do: Callable[[ToolT, str], ReportT],
        case_ids: Sequence[str],
        lost: Callable[[str, str], ReportT],
        watcher: Watcher = NOBODY,
    ) -> Iterator[ReportT]:
        """What became of each case, as they are done.

        Whoever stops listening ends the processes at work.

        Args:
            do: what is done with the tool and a case, in another process; picklable, and so is what it returns.
            case_ids: the cases, each once.
            lost: from a case whose process died at every attempt, and in words how, to its report.
            watcher: looks on.
        """
        waiting, deaths = deque(case_ids), Counter[str]()
        with closing(self._outcomes(do, waiting, watcher)) as outcomes:
            for case_id, outcome in outcomes:
                if not isinstance(outcome, Death):
                    yield outcome
                    continue
                deaths[case_id] += 1
                if outcome.is_last:
                    yield lost(case_id, outcome.how)
                elif deaths[case_id] == self.processes.attempts:
                    yield lost(case_id, self.processes.why_lost(outcome.how, self._remedy))
                else:
                    waiting.appendleft(case_id)

    @abstractmethod
    def _outcomes(
        self, do: Callable[[ToolT, str], ReportT], waiting: deque[str], watcher: Watcher
    ) -> Generator[tuple[str, ReportT | Death], None, None]:
        """Each case with its report, or with how its process died, as that comes about.

        waiting: cases not begun yet; one whose process died may be put back there. Once closed, nobody works on any.
        """
