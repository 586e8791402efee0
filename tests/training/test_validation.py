from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.case_store import read_case, write_case
from ramify.metrics.centreline import centreline_overlap
from ramify.models import ModelSettings, build_network, place_network
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.distributed import ALONE, Ranks
from ramify.training.inference_settings import InferenceSettings
from ramify.training.runner import Runner, view_of
from ramify.training.settings import RunSettings
from ramify.training.sliding_window import NotFiniteError
from ramify.training.validation import (
    ValidatedCase,
    case_rows,
    is_due,
    is_last,
    measures_of,
    validated_cases,
    validation_of,
)
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
    cases = validated_cases(runner, store, ["found", "invented", "nothing"])
    assert measures_of(cases.values(), ["vessels"]) == {"dice": pytest.approx(0.5), "cldice": pytest.approx(0.5)}
    assert measures_of([cases["nothing"]], ["vessels"]) == {"dice": 1.0, "cldice": 1.0}
    assert case_rows(4, cases, ["vessels"]) == [
        {"epoch": 4.0, "case": "found", "dice": 1.0, "cldice": 1.0},
        {"epoch": 4.0, "case": "invented", "dice": 0.0, "cldice": 0.0},
        {"epoch": 4.0, "case": "nothing"},
    ]


def test_of_several_masks_a_case_has_the_mean_of_those_that_count_and_each_by_name():
    names = ["portal", "hepatic"]
    one, other = {"portal": (0.4, 0.2), "hepatic": (0.8, 0.6)}, {"hepatic": (0.2, 0.0)}
    cases = {"both": ValidatedCase(one), "one": ValidatedCase(other)}
    both, of_one = case_rows(0, cases, names)
    assert both == {
        **{"epoch": 0.0, "case": "both", "dice": pytest.approx(0.6), "cldice": pytest.approx(0.4)},
        **{"dice/portal": 0.4, "cldice/portal": 0.2, "dice/hepatic": 0.8, "cldice/hepatic": 0.6},
    }
    assert of_one == {
        **{"epoch": 0.0, "case": "one", "dice": 0.2, "cldice": 0.0, "dice/hepatic": 0.2, "cldice/hepatic": 0.0}
    }
    measures = measures_of(cases.values(), names)
    assert (measures["dice/portal"], measures["dice/hepatic"]) == (0.4, pytest.approx(0.5))
    assert measures["dice"] == pytest.approx(0.45)


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
    found = validated_cases(runner, store, ["coarse"])["coarse"].scores["vessels"][1]
    assert found == expected != centreline_overlap(prediction, truth).cldice


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
    validated_cases(runner, store, ["found"])
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
        settings=SimpleNamespace(
            cases=stored(tmp_path / "cases", {"found": 4}), validation=SimpleNamespace(masks=False)
        ),
        validation_cases=["found"],
        ranks=ALONE,
        epoch=5,
    )
    with pytest.raises(ValueError, match=r"stopped at epoch 5, in validation: case found: .*; lower train\.learning_r"):
        validation_of(training)


def test_ranks_share_the_cases_and_stop_between_rounds(tmp_path):
    class FirstOfTwo(Ranks):
        def gathered(self, value):
            return [value, {"second": ValidatedCase({"vessels": (0.4, 0.2)})}]

    seen: list[int] = []
    runner: Any = SimpleNamespace(
        main_probabilities=lambda image: seen.append(1) or np.array(image), tasks=asked("binary", 1)
    )
    store = stored(tmp_path / "cases", {"first": 4, "second": 4, "third": 4})
    rounds: list[tuple[int, int]] = []
    case_ids = ["first", "second", "third"]
    cases = validated_cases(runner, store, case_ids, FirstOfTwo(0, 2), lambda done: rounds.append((len(seen), done)))
    assert (len(seen), rounds) == (2, [(1, 2)])
    # In the order of the cases, whoever had them: the mean is that of one process to the last bit.
    assert {case_id: case.scores["vessels"][0] for case_id, case in cases.items()} == dict(
        zip(case_ids, (1.0, 0.4, 1.0))
    )
    assert list(cases) == case_ids
