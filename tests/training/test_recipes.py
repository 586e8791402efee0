"""A recipe is a training: it begins as it stands, in the sizes of a test."""

from pathlib import Path

import pytest
import yaml

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


@pytest.mark.usefixtures("one_thread")
def test_two_cores(tiny_cases, tmp_path):
    words = ["--cases", str(tiny_cases), "--output", str(tmp_path), "--device", "cpu", "--model.base-channels", "2"]
    assert not train.main(["--config", str(RECIPES / "small.yaml"), *words, *TINY.split()])
    state = load_checkpoint(tmp_path / "fold_0" / "checkpoints" / "final.pt")
    assert {"loss/main/dice", "loss/main/cross_entropy"} <= set(state["history"][0])


def test_nnunets_augmentation_is_its_trainers():
    """Shares and ranges of its `get_training_transforms`."""
    augmentation = yaml.safe_load((RECIPES / "nnunet.yaml").read_text())["augmentation"]
    shares = {name: its["probability"] for name, its in augmentation.items() if isinstance(its, dict)}
    shares |= {"rotation": augmentation["probability"], "gamma": augmentation["gamma_probability"]}
    assert shares == {
        "rotation": 0.2,
        "scaling": 0.2,
        "noise": 0.1,
        "blur": 0.2,
        "brightness": 0.15,
        "contrast": 0.15,
        "low_resolution": 0.25,
        "inverted_gamma": 0.1,
        "gamma": 0.3,
    }
    # It stretches the grid by 0.7 to 1.4, and so the anatomy by the inverse.
    assert augmentation["scaling"]["zoom"] == [pytest.approx(1 / 1.4, abs=0.01), pytest.approx(1 / 0.7, abs=0.01)]
