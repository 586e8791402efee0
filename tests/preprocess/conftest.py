"""Without progress; and a store that an uninterrupted run made."""

import pytest

from ramify.console.progress import QUIET_VARIABLE
from ramify.preprocess import main
from tests.case_processes import cases_done_here
from tests.preprocess.pairs import arguments, write_pairs


@pytest.fixture(autouse=True, scope="module")
def _no_progress():
    """What is told on stderr must not depend on how long a case takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(QUIET_VARIABLE, "1")
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A data set of four cases, and the store that an uninterrupted run without workers makes of it."""
    folder = tmp_path_factory.mktemp("whole")
    root = write_pairs(folder / "in", count=4)
    with cases_done_here():
        assert main(arguments(root, folder / "cases", "--folds.folds", "2")) == 0
    return root, folder / "cases"
