"""Cases looked at and prepared in this process: one of its own starts for longer than a tiny case takes.

Crews as they are: tests/preprocess/test_interruptions.py, tests/preprocessing/test_case_pool.py and tests/processes.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ramify.processes.crew import Crew, Watcher
from ramify.stages import preprocess


class CrewHere(Crew[Any]):
    """A crew without a process, whose tool every job has at hand."""

    def __exit__(self, *_: object) -> None: ...

    def _outcomes(
        self, do: Callable[[Any, str], Any], waiting: deque[str], watcher: Watcher
    ) -> Generator[Any, None, None]:
        while waiting:
            case_id = waiting.popleft()
            yield case_id, do(self.tool, case_id)


@contextmanager
def cases_done_here() -> Iterator[None]:
    """In here preprocess.py starts no process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preprocess, "crew_of", lambda tool, *_: CrewHere(tool))
        yield
