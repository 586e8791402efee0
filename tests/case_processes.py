"""Cases looked at and prepared in this process: one of its own starts for longer than a tiny case takes.

Crews as they are: tests/preprocess/test_interruptions.py and tests/preprocessing/test_case_pool.py.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from ramify.preprocessing import case_check, case_pool, foreground


@contextmanager
def cases_done_here() -> Iterator[None]:
    """In here preprocess.py starts no process."""

    def reports(do: Callable[[str], Any], case_ids: Sequence[str], *_: object) -> Iterator[Any]:
        return map(do, case_ids)

    with pytest.MonkeyPatch.context() as patch:
        for module in (case_check, case_pool, foreground):
            patch.setattr(module, "case_reports", reports)
        yield
