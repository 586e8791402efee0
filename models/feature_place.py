"""Where in a network features are taken, by name."""

import re
from typing import Literal, NamedTuple


class FeaturePlace(NamedTuple):
    """Where in a network features are taken."""

    part: Literal["encoder", "main_decoder"]
    level: int
    """How often the resolution was halved."""


def feature_place(name: str, levels: int) -> FeaturePlace:
    """The place that a name stands for in a network of so many down-samplings.

    Args:
        name: "encoder.0" (full resolution) … "encoder.LEVELS", "bottleneck" for the last of these, or "main_decoder.0"
            (the last features before the logits) … "main_decoder.LEVELS - 1" (the first stage up).
        levels: number of down-samplings of the network.

    Raises ValueError for another name, or a level that the network does not have.

    Examples:
        >>> from ramify.models.feature_place import feature_place
        >>> feature_place("bottleneck", levels=4)
        FeaturePlace(part='encoder', level=4)
    """
    if name == "bottleneck":
        return FeaturePlace("encoder", levels)
    match = re.fullmatch(r"(encoder|main_decoder)\.(\d{1,2})", name)
    most = {"encoder": levels, "main_decoder": levels - 1}
    if match and int(match[2]) <= most[match[1]]:
        return FeaturePlace("encoder" if match[1] == "encoder" else "main_decoder", int(match[2]))
    raise ValueError(
        f"contrast.features: a network of {levels} levels has bottleneck, encoder.0 … encoder.{levels} and "
        f"main_decoder.0 … main_decoder.{levels - 1}, got {name!r}"
    )
