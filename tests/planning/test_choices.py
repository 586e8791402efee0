"""What is chosen in the place of what was there."""

import pytest

from ramify.models.settings import ModelSettings
from ramify.planning.choices import Choice, applied


def test_a_choice_that_does_not_fit_is_a_line():
    with pytest.raises(ValueError, match="--auto: levels: Input should be greater than or equal to 1") as caught:
        applied(ModelSettings(), [Choice("levels", 0, "")])
    assert "\n" not in str(caught.value)
