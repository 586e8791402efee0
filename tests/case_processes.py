"""Cases looked at and prepared in this process: one of its own starts for longer than a tiny case takes.

Crews as they are: tests/preprocess/test_interruptions.py, tests/preprocessing/test_case_pool.py and tests/processes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from ramify.processes.crew import NOBODY, Crew, Watcher
from ramify.stages import preprocess


class CrewHere(Crew[Any]):
    """A crew without a process, whose tool every job has at hand."""

    def __exit__(self, *_: object) -> None: ...

    def reports(
        self, do: Callable[[Any, str], Any], case_ids: Sequence[str], lost: object, watcher: Watcher = NOBODY
    ) -> Iterator[Any]:
        return (do(self.tool, case_id) for case_id in case_ids)


@contextmanager
def cases_done_here() -> Iterator[None]:
    """In here preprocess.py starts no process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preprocess, "crew_of", lambda tool, *_: CrewHere(tool))
        yield
