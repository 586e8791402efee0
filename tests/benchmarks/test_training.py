"""A training step beside others: the table with small networks, and what the real ones are."""

import numpy as np
import pytest
import torch

from benchmarks import training
from benchmarks.training_step import phantom_batch, training_step
from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.settings import LossSettings
from ramify.models.build import build_network
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.training.settings import RunSettings
from tests.asked import ASKED

PLAIN = LossSettings(lambda_scales=(0.5,), foreground_weight=2.0, lambda_contrastive=0.0)
CONTRASTING = PLAIN.model_copy(update={"lambda_contrastive": 0.5, "anchors": AnchorSettings(cap=16)})


@pytest.fixture
def small(in_this_process, monkeypatch):
    """Two small networks in place of the eleven, in this process."""
    in_this_process(training)
    binary, multi_task = (
        ModelSettings(
            tasks=ASKED[formulation], levels=1, base_channels=2, contrast=ContrastHeadSettings(head="per_scale")
        )
        for formulation in ("binary", "multi_task")
    )
    two = {"binary": training.Contestant(binary, 3, PLAIN), "S = 3": training.Contestant(multi_task, 3, CONTRASTING)}
    monkeypatch.setattr(training, "contestants", lambda: two)
    return two


def test_every_network_has_its_row(small, capsys, numbers_of):
    training.main(["--device", "cpu", "--size", "16", "16", "16", "--batches", "1", "2", "--rounds", "1"])
    told = capsys.readouterr().out.splitlines()
    titles = [line for line in told if "voxels" in line]
    assert titles == [f"16 x 16 x 16 voxels, batch {batch}, float32, cpu" for batch in (1, 2)]
    rows = [line for line in told if line.startswith(tuple(small))]
    assert [row[:28].rstrip() for row in rows] == list(small) * 2
    found = np.array([numbers_of(row[28:].replace(",", "")) for row in rows])
    assert found.shape == (4, 7)
    assert np.isfinite(found[:, :5]).all()
    # The first row is what the others are held against.
    assert found[[0, 2]][:, [2, 4]].tolist() == [[1, 1], [1, 1]]
    networks = [build_network(entry.model, 1, 3, 3) for entry in small.values()]
    counts = [sum(weight.numel() for weight in network.parameters()) for network in networks]
    assert found[:, 0].tolist() == counts * 2


def test_waiting_for_data_is_a_share_of_the_time(tiny_cases, tmp_path):
    given = {
        "cases": tiny_cases,
        "output": tmp_path,
        "device": "cpu",
        "model": {"tasks": {"auxiliary": "none"}, "levels": 1, "base_channels": 2},
        "loss": {"lambda_scales": [1.0]},
        "loading": {"samples_per_epoch": 6, "batch_size": 2},
    }
    share, steps = training.waiting_share(RunSettings.model_validate(given))
    assert 0 < share < 1
    assert steps == 3


def test_peers_have_about_the_parameters_of_the_binary_network():
    counts = {}
    with torch.device("meta"):
        for name, entry in training.contestants().items():
            counts[name] = sum(weight.numel() for weight in build_network(entry.model, 1, entry.scales, 3).parameters())
    assert {"binary", "multi-class", "S = 1", "S = 5", "S = 3, recomputing", "MONAI SegResNet"} <= set(counts)
    for name in {"MONAI SegResNet", "nnU-Net residual U-Net"} & set(counts):
        assert 0.7 < counts[name] / counts["binary"] < 1.4
    # A decoder more is as many parameters more, whichever it is.
    grown = [counts[f"S = {scales}"] for scales in range(1, 6)]
    assert len(set(np.diff(grown))) == 1
    assert counts["S = 3"] == counts["S = 3, recomputing"] == counts["S = 3, no contrast"]
    assert set(training.TABLE_VARIANTS) <= set(counts)


def test_a_batch_is_cut_into_slabs_of_one_scale():
    image, truth = phantom_batch((16, 16, 16), 2, 3, torch.device("cpu"))
    assert image.shape == (3, 1, 16, 16, 16)
    assert truth.scale_map.shape == (3, 16, 16, 16)
    assert set(truth.scale_map[:, :8].unique().tolist()) == {0, 1}
    assert set(truth.scale_map[:, 8:].unique().tolist()) == {0, 2}
    assert (image[0] == image[2]).all()


def test_a_step_changes_the_weights(monkeypatch):
    kept: list[torch.nn.Module] = []
    place = training.place_network
    monkeypatch.setattr("benchmarks.training_step.place_network", lambda *given: kept.append(place(*given)) or kept[-1])
    model = ModelSettings(tasks=ASKED["binary"], levels=1, base_channels=2)
    step = training_step(model, PLAIN, 3, (16, 16, 16), 1)
    before = [weight.detach().clone() for weight in kept[0].parameters()]
    step()
    assert any((one != other).any() for one, other in zip(before, kept[0].parameters()))
