"""Three pairs of masks."""

from pathlib import Path

import numpy as np
import pytest

from ramify.console.progress import QUIET_VARIABLE
from tests.evaluate.pairs import SHAPE, save, vessel


@pytest.fixture(autouse=True)
def without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told must not depend on how long it takes: where kernels are compiled first, that is half a minute."""
    monkeypatch.setenv(QUIET_VARIABLE, "1")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Three good pairs; the predictions come with their probabilities, as the predict stage writes them."""
    prediction, truth = tmp_path / "prediction", tmp_path / "truth"
    for name, array in {"a": vessel(8), "b": vessel(9), "c": np.zeros(SHAPE, dtype=bool)}.items():
        save(prediction / f"{name}.nii.gz", array)
        save(prediction / f"{name}_probabilities.nii.gz", array.astype(np.float32) * 0.7)
        save(truth / f"{name}.nii.gz", vessel(8))
    return prediction, truth, tmp_path / "scores"
