from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from data.case_store import write_case
from preprocessing.prepare import PreprocessingSettings
from training.validation import validate

SHAPE = (6, 8, 8)


def stored(store: Path, vessels: dict[str, int]) -> Path:
    """Prepared cases with a vessel of so many voxels; the image is what the network is to answer."""
    store.mkdir()
    for name, length in vessels.items():
        scales = np.zeros(SHAPE, np.uint8)
        scales[3, 4, :length] = 1
        image = np.zeros(SHAPE, np.float32)
        image[3, 4, :4] = float(name != "nothing")
        record = {
            "patient_id": name,
            "shape": list(SHAPE),
            "spacing_mm": [1.0, 1.0, 1.0],
            "scales": {"thresholds_mm": []},
            "settings": PreprocessingSettings().model_dump(mode="json"),
        }
        write_case(store, name, {"image": image, "scales": scales}, record)
    return store


def test_a_case_without_anything_to_find_or_found_is_in_no_mean(tmp_path):
    runner: Any = SimpleNamespace(probabilities=lambda image: np.array(image)[None])
    store = stored(tmp_path / "cases", {"found": 4, "invented": 0, "nothing": 0})
    scores, view = validate(runner, store, ["found", "invented", "nothing"])
    assert scores == {"dice": pytest.approx(0.5), "cldice": pytest.approx(0.5)}
    assert view is not None
    assert view.case.case_id == "found"
    assert validate(runner, store, ["nothing"])[0] == {"dice": 1.0, "cldice": 1.0}
