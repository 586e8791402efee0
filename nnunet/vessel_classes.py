"""Which of an nnU-Net data set's labels are vessels: the channels that are asked for them, and their trees."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class VesselClasses(NamedTuple):
    """What is vessel of a data set's labels.

    channels: of nnU-Net's logits. trees: the label values of each vascular tree.
    """

    channels: tuple[int, ...]
    trees: tuple[tuple[int, ...], ...]


def vessel_classes(
    labels: Mapping[str, int | Sequence[int]], vessels: Sequence[str] | None, *, regions: bool
) -> VesselClasses:
    """Those that are named, or all but background and ignore.

    Args:
        labels: of dataset.json: name -> value, or the values of a region.
        vessels: names of those that are vessels; None: all.
        regions: whether they are regions. A label is a tree by itself; regions overlap, and are one tree together.

    Raises ValueError for a name that the data set does not have, with those it has.

    Examples:
        >>> from ramify.nnunet.vessel_classes import vessel_classes
        >>> labels = {"background": 0, "liver": 1, "portal": 2, "hepatic": 3}
        >>> vessel_classes(labels, ("portal", "hepatic"), regions=False)
        VesselClasses(channels=(2, 3), trees=((2,), (3,)))
        >>> vessel_classes({"background": 0, "vessel": (1, 2), "vein": 2, "ignore": 3}, None, regions=True)
        VesselClasses(channels=(0, 1), trees=((1, 2),))
    """
    values = {name: (value,) if isinstance(value, int) else tuple(value) for name, value in labels.items()}
    known = {name: its for name, its in values.items() if name != "ignore" and set(its) != {0}}
    wanted = tuple(known) if vessels is None else tuple(vessels)
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"vessels: the data set has no label {unknown[0]!r}; it has {', '.join(known)}")
    trees = tuple(known[name] for name in wanted)
    if not regions:
        return VesselClasses(tuple(tree[0] for tree in trees), trees)
    places = list(known)
    one_tree = tuple(sorted({value for tree in trees for value in tree}))
    return VesselClasses(tuple(places.index(name) for name in wanted), (one_tree,))
