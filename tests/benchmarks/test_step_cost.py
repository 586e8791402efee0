import re

import pytest

from benchmarks import step_cost
from ramify.losses.settings import LossSettings
from ramify.models.settings import ModelSettings

SMALL = step_cost.Setup({"tasks": {"auxiliary": "none"}, "levels": 2, "base_channels": 2}, step_cost.PLAIN)


def test_a_step_is_measured_in_words():
    assert re.fullmatch(r"[\d.e-]+ s, -?[\d.e-]+ GB", step_cost.measured(SMALL, 16, "cpu", 2))
    assert step_cost.measured(SMALL, 4, "cpu", 1) == "–", "one voxel is left"
    assert step_cost.measured(SMALL, 18, "cpu", 1) == "–", "a side that two halvings do not divide"


@pytest.mark.parametrize("name", step_cost.SETUPS)
def test_every_row_is_a_network_and_a_loss(name):
    setup = step_cost.SETUPS[name]
    ModelSettings.model_validate(setup.model)
    LossSettings.model_validate(setup.loss)


def test_parameters_are_counted():
    assert step_cost.millions(step_cost.SETUPS["resunet, 5 levels, base 8"]).endswith(" M")
