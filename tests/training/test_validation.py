from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.case_store import read_case, write_case
from ramify.metrics.centreline import centreline_overlap
from ramify.models import ModelSettings, build_network, place_network
from ramify.preprocessing.prepare import PreprocessingSettings
from ramify.training.distributed import ALONE, Ranks
from ramify.training.inference import InferenceSettings, NotFiniteError
from ramify.training.runner import Runner, view_of
from ramify.training.settings import RunSettings
from ramify.training.validation import is_due, is_last, validate, validation_of
from tests.asked import asked

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
        write_case(store, name, {"image": image[None], "scales": scales}, record)
    return store


def test_a_case_without_anything_to_find_or_found_is_in_no_mean(tmp_path):
    runner: Any = SimpleNamespace(main_probabilities=np.array, tasks=asked("binary", 1))
    store = stored(tmp_path / "cases", {"found": 4, "invented": 0, "nothing": 0})
    scores = validate(runner, store, ["found", "invented", "nothing"])
    assert scores == {"dice": pytest.approx(0.5), "cldice": pytest.approx(0.5)}
    assert validate(runner, store, ["nothing"]) == {"dice": 1.0, "cldice": 1.0}


def test_centrelines_are_those_of_the_case_s_spacing(tmp_path):
    """The prediction is thinned along its coarse axis first, as in an evaluation."""
    prediction, truth = np.zeros((2, *SHAPE), bool)
    prediction[2:4, 2:6, 1:7] = True
    truth[2:4, 2:4, 1:7] = True
    store, spacing = tmp_path / "cases", (3.0, 1.0, 1.0)
    store.mkdir()
    record = {
        "shape": list(SHAPE),
        "spacing_mm": list(spacing),
        "scales": {"thresholds_mm": []},
        "settings": PreprocessingSettings().model_dump(mode="json"),
    }
    write_case(
        store, "coarse", {"image": prediction.astype(np.float32)[None], "scales": truth.astype(np.uint8)}, record
    )
    runner: Any = SimpleNamespace(main_probabilities=np.array, tasks=asked("binary", 1))
    expected = centreline_overlap(prediction, truth, spacing_mm=spacing).cldice
    assert validate(runner, store, ["coarse"])["cldice"] == expected != centreline_overlap(prediction, truth).cldice


def test_a_validation_costs_what_inference_costs_and_says_the_same(tmp_path):
    """The scales' decoders are not run: they are neither scored nor, but for one case now and then, seen."""
    store = stored(tmp_path / "cases", {"found": 4})
    torch.manual_seed(0)
    network = place_network(build_network(ModelSettings(levels=2, base_channels=2), 1, 2, 3), "cpu")
    runner = Runner(network, asked("multi_task", 2), torch.device("cpu"), torch.float32, InferenceSettings(), None)
    image = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    every = runner.probabilities(image)
    view = view_of(runner, read_case(store, "found"))
    assert view.truth.shape == view.probabilities.shape == (3, *SHAPE)
    for decoder in network.scale_decoders:
        decoder.register_forward_pre_hook(lambda *_: pytest.fail("a scale's decoder ran"))
        for part in decoder.modules():
            part.register_forward_pre_hook(lambda *_: pytest.fail("a scale's decoder ran"))
    assert np.array_equal(runner.main_probabilities(image), every[:1])
    assert network.eval()(torch.zeros(1, 1, 8, 8, 8)).logits.shape[1] == 1
    network.train()
    validate(runner, store, ["found"])
    assert network.training


def test_a_validation_is_due_every_so_many_epochs_and_at_the_end():
    plain = {"cases": "cases", "output": "run", "train": {"epochs": 8}, "validation": {"every": 3}}
    settings = RunSettings.model_validate(plain)
    assert [epoch for epoch in range(8) if is_due(settings, epoch)] == [2, 5, 7]
    assert [epoch for epoch in range(8) if is_last(settings, epoch)] == [7]


def test_an_output_that_is_not_finite_stops_a_training_by_epoch_case_and_remedy(tmp_path):
    def broken(_: np.ndarray) -> np.ndarray:
        raise NotFiniteError("the network's output is not finite")

    training: Any = SimpleNamespace(
        runner=SimpleNamespace(main_probabilities=broken, tasks=asked("binary", 1)),
        settings=SimpleNamespace(cases=stored(tmp_path / "cases", {"found": 4})),
        validation_cases=["found"],
        ranks=ALONE,
        epoch=5,
    )
    with pytest.raises(ValueError, match=r"stopped at epoch 5, in validation: case found: .*; lower train\.learning_r"):
        validation_of(training)


def test_ranks_share_the_cases_and_stop_between_rounds(tmp_path):
    class FirstOfTwo(Ranks):
        def gathered(self, value):
            return [value, [("vessels", 1.0, 1.0)]]

    seen: list[int] = []
    runner: Any = SimpleNamespace(
        main_probabilities=lambda image: seen.append(1) or np.array(image), tasks=asked("binary", 1)
    )
    store = stored(tmp_path / "cases", {"first": 4, "second": 4, "third": 4})
    rounds: list[int] = []
    scores = validate(runner, store, ["first", "second", "third"], FirstOfTwo(0, 2), lambda _: rounds.append(len(seen)))
    assert (len(seen), rounds) == (2, [1])
    assert scores["dice"] == 1.0
