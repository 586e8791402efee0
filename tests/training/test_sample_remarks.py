"""Patches and epochs that are hardly meant beside the cases."""

import pytest

from ramify.training.sample_remarks import remarks_on_samples
from ramify.training.settings import RunSettings

SHAPE = (63, 73, 71)


def lines_of(steps=100, multiples=(8, 8, 8), **sections):
    settings = RunSettings.model_validate({"cases": "c", "output": "r", **sections})
    return [*remarks_on_samples(settings, steps, SHAPE, multiples)]


def test_a_patch_that_is_mostly_outside_the_cases():
    # 63 x 73 x 71 of 200^3 voxels are 4 %.
    assert lines_of(loading={"patch_size": [200, 200, 200]}) == [
        "loading.patch_size 200 200 200: 96 % of a patch is outside a median case of 63 x 73 x 71 voxels, and costs "
        "time and memory for nothing; 64 80 72 is enough"
    ]
    assert lines_of(loading={"patch_size": [32, 160, 160]})[0].endswith("; 32 80 72 is enough")


@pytest.mark.parametrize("patch", [None, [64, 80, 80], [80, 80, 80]])
def test_a_patch_that_fits(patch):
    assert lines_of(loading={"patch_size": patch}) == []


def test_a_patch_that_the_network_asks_for():
    assert lines_of(multiples=(128, 128, 128), loading={"patch_size": [128, 128, 128]}) == []


@pytest.mark.parametrize(
    ("steps", "train", "count"), [(1, {}, 1), (2, {}, 1), (3, {}, 0), (1, {"epochs": 200}, 0), (1, {"epochs": 201}, 1)]
)
def test_epochs_of_few_steps_with_many_validations(steps, train, count):
    lines = lines_of(steps, train=train)
    assert len(lines) == count
    if not train and count:
        expected = f"2000 epochs are {2000 * steps} steps, with a validation after every {10 * steps}; set "
        assert expected + "loading.samples_per_epoch 200 for epochs of 100 steps" in lines[0]
