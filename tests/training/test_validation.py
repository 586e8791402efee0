from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.case_store import read_case, write_case
from ramify.models import ModelSettings, build_network, place_network
from ramify.preprocessing.prepare import PreprocessingSettings
from ramify.tasks.formulation import Tasks
from ramify.training.inference import InferenceSettings
from ramify.training.validation import Runner, validate, view_of

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
    runner: Any = SimpleNamespace(main_probability=np.array)
    store = stored(tmp_path / "cases", {"found": 4, "invented": 0, "nothing": 0})
    scores = validate(runner, store, ["found", "invented", "nothing"])
    assert scores == {"dice": pytest.approx(0.5), "cldice": pytest.approx(0.5)}
    assert validate(runner, store, ["nothing"]) == {"dice": 1.0, "cldice": 1.0}


def test_a_validation_costs_what_inference_costs_and_says_the_same(tmp_path):
    """The scales' decoders are not run: they are neither scored nor, but for one case now and then, seen."""
    store = stored(tmp_path / "cases", {"found": 4})
    torch.manual_seed(0)
    network = place_network(build_network(ModelSettings(levels=2, base_channels=2), 1, 2, 3), "cpu")
    runner = Runner(network, Tasks("multi_task", 2), torch.device("cpu"), torch.float32, InferenceSettings(), None)
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    every = runner.probabilities(image)
    view = view_of(runner, read_case(store, "found"))
    assert view.truth.shape == view.probabilities.shape == (3, *SHAPE)
    for decoder in network.scale_decoders:
        decoder.register_forward_pre_hook(lambda *_: pytest.fail("a scale's decoder ran"))
        for part in decoder.modules():
            part.register_forward_pre_hook(lambda *_: pytest.fail("a scale's decoder ran"))
    assert np.array_equal(runner.main_probability(image), every[0])
    assert network.eval()(torch.zeros(1, 1, 8, 8, 8)).logits.shape[1] == 1
    network.train()
    validate(runner, store, ["found"])
    assert network.training
