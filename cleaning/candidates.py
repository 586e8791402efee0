"""Which clean-ups are tried: thresholds, gaps, smallest pieces and distances, and all of them together."""

import math
from typing import NamedTuple

from ramify.training.clean_up import MaskRule
from ramify.training.inference import VESSEL_PROBABILITY

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, VESSEL_PROBABILITY, 0.6, 0.7, 0.8, 0.9)
BRIDGE_MM = (0.0, 3.0, 6.0, 10.0, 15.0)
SMALLEST_MM3 = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
FARTHEST_MM = (math.inf, 50.0, 30.0, 20.0, 10.0, 5.0, 2.0)
PARTS = ("threshold", "bridge_mm", "smallest_mm3", "farthest_mm")
"""Of a rule, in the order in which they are decided: each with what was kept before it."""
Places = tuple[int, int, int, int]
"""Of a candidate, the place of its value among those of each part."""


class Candidates(NamedTuple):
    """The values that are tried of each part of a rule. Pieces that survive one value survive those before it."""

    threshold: tuple[float, ...] = THRESHOLDS
    bridge_mm: tuple[float, ...] = BRIDGE_MM
    smallest_mm3: tuple[float, ...] = SMALLEST_MM3
    farthest_mm: tuple[float, ...] = FARTHEST_MM

    @classmethod
    def of(cls, *, exclusive: bool) -> "Candidates":
        """Those of a mask; of exclusive classes the likeliest is taken, and no threshold is tried."""
        return cls(threshold=(VESSEL_PROBABILITY,)) if exclusive else cls()

    @property
    def nothing(self) -> Places:
        """The places of the values that change nothing."""
        return self.threshold.index(VESSEL_PROBABILITY), 0, 0, 0

    def rule(self, places: Places) -> MaskRule:
        """The rule of the values at these places."""
        threshold, bridge, smallest, farthest = (values[place] for values, place in zip(self, places, strict=True))
        return MaskRule(
            threshold=threshold,
            bridge_mm=bridge,
            smallest_mm3=smallest,
            farthest_mm=None if math.isinf(farthest) else farthest,
        )
