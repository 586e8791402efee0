"""What every crew promises that cases are given out to, on this machine or on those of a cluster.

A case whose process dies is begun once more and then told as lost, and costs no other case anything. A crew ends with
the process that made it, however that ended: nothing is left that writes. What comes out depends neither on how many
work nor on where they do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Self, TypeVar

ToolT = TypeVar("ToolT")
ReportT = TypeVar("ReportT")
ATTEMPTS = 2
"""How often a case is begun whose process dies: it may have been another one that took the memory."""


def why_lost(how: str, remedy: str) -> str:
    """Why there is nothing of a case whose processes died, in words.

    how: the last of them ended. remedy: where memory was short.
    """
    return f"its worker process {how}, twice; a file of it may be damaged, or memory is short: {remedy}"


class Crew(ABC, Generic[ToolT]):
    """Processes that do one job on the cases after another; a context manager that ends them.

    Args:
        tool: what jobs are done with; picklable. Each process has its own, which may keep something from job to job.
    """

    def __init__(self, tool: ToolT) -> None:
        self.tool = tool

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def reports(
        self, do: Callable[[ToolT, str], ReportT], case_ids: Sequence[str], lost: Callable[[str, str], ReportT]
    ) -> Iterator[ReportT]:
        """What became of each case, as they are done.

        Whoever stops listening ends the processes at work.

        Args:
            do: what is done with the tool and a case, in another process; picklable, and so is what it returns.
            case_ids: the cases, each once.
            lost: from a case whose process died at every attempt, and in words how, to its report.
        """
