"""A recipe is a training: it begins as it stands, in the sizes of a test."""

from pathlib import Path

import pytest

from ramify import train
from ramify.training.checkpoint import load_checkpoint
from tests.models.networks import skip_without_extra

RECIPES = Path(__file__).parents[2] / "configs" / "recipes"
TINY = "--train.epochs 1 --loading.samples-per-epoch 2 --loading.patch-size 16 16 16 --model.levels 2"


@pytest.mark.usefixtures("one_thread")
def test_nnunets_way(tiny_cases, tmp_path):
    skip_without_extra("nnunet_plain")
    words = ["--cases", str(tiny_cases), "--output", str(tmp_path), "--device", "cpu", "--model.base-channels", "2"]
    assert not train.main(["--config", str(RECIPES / "nnunet.yaml"), *words, *TINY.split()])
    state = load_checkpoint(tmp_path / "fold_0" / "checkpoints" / "final.pt")
    of_weights = state["optimiser"]["state"].values()
    assert all(set(each) == {"momentum_buffer"} for each in of_weights)
    (rate,) = {group["lr"] for group in state["optimiser"]["param_groups"]}
    assert rate == 0.01
    assert {"loss/main/dice", "loss/main/cross_entropy"} <= set(state["history"][0])
