"""What must be known of a trained network besides its weights, as every exported form says it under one key."""

from typing import Any

import ramify
from ramify.exporting.trained import TrainedNetwork
from ramify.training.inference import VESSEL_PROBABILITY
from ramify.vessels.patient_axes import layout_name

METADATA = "ramify"
"""Key under which `description_of` stands in an exported form's metadata."""


def description_of(trained: TrainedNetwork) -> dict[str, Any]:
    """What must be known besides: how images are prepared, what the outputs are, which values masks have."""
    preprocessing = trained.preprocessing
    rules = preprocessing.rules(trained.channels)
    return {
        "version": ramify.__version__,
        "axes": {"order": "zyx" if trained.ndim == 3 else "yx", "layout": layout_name(trained.ndim)},
        "channels": list(trained.channels),
        "intensity": {channel: rule.model_dump(mode="json") for channel, rule in rules.items()},
        "grid": preprocessing.grid.model_dump(mode="json"),
        "spacing_mm": list(trained.prepared_spacing_mm),
        "window": trained.settings.inference.window or trained.settings.loading.patch_size,
        "size_multiples": list(trained.size_multiples),
        "outputs": list(trained.tasks.segmented),
        "asked": trained.tasks.asked,
        "threshold": VESSEL_PROBABILITY,
        "values": list(trained.values),
    }
