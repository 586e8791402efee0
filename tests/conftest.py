"""What tests of several rooms share: where the real data lies, if anywhere."""

import os
from pathlib import Path

import matplotlib
import pytest

# Figures are files here; a test must not need a screen.
matplotlib.use("Agg")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data sets (see docs/data.md), or skip: the environment variable RAMIFY_DATA names it."""
    given = os.environ.get("RAMIFY_DATA")
    if not given or not Path(given).is_dir():
        pytest.skip("no real data here: set RAMIFY_DATA to its folder")
    return Path(given).resolve()
