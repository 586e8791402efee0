"""How the radius of a branch is measured, by name.

Adding an estimator takes a file beside this one, a line here, and its name in `vessels/estimator_names.py`.

`Estimator` (base.py) is what such a file gives: radii from a `VesselTree`, and what goes with them unless it is set.
"""

from ramify.vessels.estimators.base import Estimator, VesselTree, grow_tree
from ramify.vessels.estimators.distance import DISTANCE
from ramify.vessels.estimators.paper import PAPER
from ramify.vessels.estimators.volume import VOLUME

__all__ = ["ESTIMATORS", "Estimator", "VesselTree", "grow_tree"]

ESTIMATORS: dict[str, Estimator] = {
    "paper": PAPER,
    "distance": DISTANCE,
    "volume": VOLUME,
}
