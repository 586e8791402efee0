"""What a perfect mask on the prepared grid scores."""

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.preprocessing.ceiling import ceiling_measures, costs, measure_ceiling
from ramify.preprocessing.drawn_vessels import analyse_drawn
from ramify.preprocessing.grid import plan_grid
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.vessels.scale_settings import ScaleSettings
from tests.preprocessing.drawn_cases import bars_in_a_box


@pytest.mark.parametrize("ndim", [2, 3])
def test_nothing_is_lost_on_the_native_voxels(ndim):
    _, record = prepare_case(bars_in_a_box(ndim=ndim), PreprocessingSettings(grid=GridSettings(margin_mm=2)))
    perfect = {"dice": 1.0, "cldice": 1.0, "hd95_mm": 0.0}
    assert record["ceiling"] == perfect | {f"scale_{scale}_tsens": 1.0 for scale in (1, 2, 3)}
    assert record["warnings"] == []


def test_a_ceiling_by_hand():
    # Two bars of 24 pixels, three and one wide, on pixels of three: the wide one keeps its place, the thin one is gone.
    vessels = np.zeros((24, 30), bool)
    vessels[3:6, 3:27] = True
    vessels[13, 3:27] = True
    image = Volume(vessels, (1.0, 1.0))
    grid = plan_grid(image, None, GridSettings(crop="volume", size=(8, 10)))
    prepared = grid.mask_to_prepared(vessels)
    expected = np.zeros((8, 10), bool)
    expected[1, 1:9] = expected[4, 1:9] = True
    np.testing.assert_array_equal(prepared, expected)
    prepared[4] = False  # had it lain between two rows, it would not be there
    scales = ScaleSettings(quantiles=(0.5,))
    ceiling = measure_ceiling(prepared, analyse_drawn(vessels, None, grid, scales), grid, scales)
    # Back on rows 3, 4 and 5 the wide bar has 2/3, 1 and 2/3, beside them 1/3: it comes back, but for its four corners
    # with 4/9.
    assert ceiling["dice"] == pytest.approx(2 * 68 / (68 + 96))
    assert ceiling["scale_1_tsens"] == 0
    assert ceiling["scale_2_tsens"] == 1
    assert tuple(ceiling) == ceiling_measures(2)
    (line,) = costs(ceiling)
    assert "Tsens (scale 1) 0.000" in line
    assert "scale 2" not in line


def test_what_costs_a_few_per_cent_is_no_warning():
    ceiling = {"dice": 0.951, "cldice": 0.96, "hd95_mm": 9.0, "scale_1_tsens": None, "scale_2_tsens": 1.0}
    assert costs(ceiling) == []
    (line,) = costs(ceiling | {"dice": 0.949})
    assert line.startswith("a perfect mask on the prepared grid scores Dice 0.949 on the image's own grid; a finer ")


def test_what_lies_outside_the_organ_costs_nothing():
    # A bar outside of it is no part of the truth, nor of what a network could find.
    _, record = prepare_case(bars_in_a_box(), PreprocessingSettings(grid=GridSettings(margin_mm=0)))
    assert record["ceiling"]["dice"] == 1.0
    assert record["native_voxels"]["vessels"] > record["native_voxels_inside_organ"]["vessels"]
    settings = PreprocessingSettings(grid=GridSettings(margin_mm=0), restrict_to_organ=False)
    _, record = prepare_case(bars_in_a_box(), settings)
    # Of all that was drawn, the crop lost the bar outside.
    kept = 30 * (1 + 3 + 18)
    assert record["ceiling"]["dice"] == pytest.approx(2 * kept / (kept + kept + 90))
    assert any("a perfect mask on the prepared grid scores Dice" in line for line in record["warnings"])
