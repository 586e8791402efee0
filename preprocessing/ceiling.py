"""What a perfect mask on the prepared grid scores on the image's own: how far a network can be expected to come."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ramify.drawing.scale_words import scale_names
from ramify.metrics.case import score_pair
from ramify.metrics.pair import analyse_prediction
from ramify.metrics.settings import EvaluationSettings
from ramify.preprocessing.drawn_vessels import DrawnVessels
from ramify.preprocessing.grid import Grid
from ramify.vessels.scale_settings import ScaleSettings

Mask = NDArray[np.bool_]
Ceiling = Mapping[str, float | None]

COSTLY = 0.05
"""What a share may lack of 1 before it is warned of."""
FAMILIES = ("overlap", "centreline", "surface", "scales")


def ceiling_measures(n_scales: int) -> tuple[str, ...]:
    """The measures of a ceiling, by their names in an evaluation."""
    return "dice", "cldice", "hd95_mm", *(f"scale_{scale}_tsens" for scale in range(1, n_scales + 1))


def measure_ceiling(mask: Mask, drawn: DrawnVessels, grid: Grid, scales: ScaleSettings) -> dict[str, float | None]:
    """The scores of a prepared vessel mask, brought back as a prediction is, against the mask it was made from.

    Args:
        mask: bool (*S), on the prepared grid.
        drawn: the vessels as they were drawn, of which there must be some that count.
        grid: leads from one to the other.
        scales: how the vessels are decomposed.

    Returns:
        A value for each of `ceiling_measures`, None for what the case does not define, such as an empty scale.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.preprocessing import GridSettings, plan_grid
        >>> from ramify.preprocessing.ceiling import measure_ceiling
        >>> from ramify.preprocessing.drawn_vessels import analyse_drawn
        >>> from ramify.vessels import ScaleSettings
        >>> vessels = np.zeros((12, 40), bool)
        >>> vessels[5:7, 4:36] = True
        >>> grid = plan_grid(Volume(vessels, (1.0, 1.0)), None, GridSettings(crop="volume"))  # the native voxels
        >>> drawn = analyse_drawn(vessels, None, grid, ScaleSettings())
        >>> measure_ceiling(grid.mask_to_prepared(vessels), drawn, grid, ScaleSettings())["dice"]
        1.0
    """
    # What is cut off outside the organ is judged nowhere.
    back = analyse_prediction(grid.turned(grid.mask_to_native(mask))[drawn.box], drawn.truth)
    scores = score_pair(back, drawn.truth, EvaluationSettings(measures=FAMILIES, scales=scales))
    return {name: scores[name] for name in ceiling_measures(scales.n_scales)}


def costs(ceiling: Ceiling) -> list[str]:
    """A line where a case's grid costs more than a few per cent of a share; none otherwise."""
    of_scales = [name for name in ceiling if name.startswith("scale_")]
    words = {"dice": "Dice", "cldice": "clDice"}
    words |= {name: f"Tsens ({scale})" for name, scale in zip(of_scales, scale_names(len(of_scales)), strict=True)}
    shares = {told: ceiling[name] for name, told in words.items()}
    low = [f"{told} {value:.3f}" for told, value in shares.items() if value is not None and value < 1 - COSTLY]
    if not low:
        return []
    return [
        f"a perfect mask on the prepared grid scores {', '.join(low)} on the image's own grid; a finer "
        "--preprocessing.grid.size or spacing_mm costs less"
    ]
