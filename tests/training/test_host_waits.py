"""A training step has the host wait for a GPU once, whatever is trained; twice, where anchors are drawn at errors."""

import pytest

from benchmarks.step_waits import CONFIGURATIONS, settings_of, waits_of_step

ON_THE_HOST = {"multi-task, topological clDice": {"ramify::thin": 2, "aten::_to_copy to the host": 4}}
"""A loss that computes in host memory: prediction and truth go there, and are looked at before, each by itself."""
OF_ERRORS = {"shared contrast, half of it at errors": 1}
"""Where the network is wrong, which the drawing host has to know."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_step_waits_once(tiny_cases, tmp_path, name):
    """For the one answer whether output, loss and gradient are finite; float16's scaler asks for none of its own."""
    waits = waits_of_step(settings_of(name, tiny_cases, tmp_path), "cpu", scaled=True)
    if name in ON_THE_HOST:
        assert dict(waits) == ON_THE_HOST[name]
        return
    assert dict(waits) == {"aten::_to_copy to the host": 1 + OF_ERRORS.get(name, 0)}
    assert waits.total() <= 2
