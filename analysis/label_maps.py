"""Label maps of trees on the mask's own grid, each with a colour table of 3D Slicer."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.analysis.orders import generations, strahler_orders
from ramify.analysis.territories import Territories
from ramify.analysis.vessel_tree import VesselTree
from ramify.drawing.colour_table import colour_table
from ramify.drawing.colours import Colour, class_colours, scale_colours


class LabelMap(NamedTuple):
    """A label map and what its values are.

    name: of its files. array: unsigned (*S), 0 background. labels: name and colour of each value, from 1.
    """

    name: str
    array: NDArray[np.unsignedinteger]
    labels: list[tuple[str, Colour]]

    def colour_table(self) -> str:
        """The labels as a colour table of 3D Slicer (.ctbl)."""
        return colour_table((value, *label) for value, label in enumerate(self.labels, start=1))


def label_maps(tree: VesselTree) -> Iterator[LabelMap]:
    """Scales, branches, Strahler orders, generations, trees or systems; one at a time."""
    n_scales = tree.settings.scales.n_scales
    found = tree.decomposition
    yield LabelMap("scales", found.scale_map, _named("scale", scale_colours(n_scales)))
    count = len(found.radii_mm)
    yield LabelMap("branches", tree.map_of_numbers(np.arange(count + 1)), _named("branch", class_colours(count)))
    strahler = strahler_orders(tree.growth)
    highest = int(strahler.max())
    yield LabelMap("orders", tree.map_of(strahler), _named("order", scale_colours(highest)))
    # 0 is the background: generation 0, the trunk, is 1.
    generation = 1 + generations(tree.growth, tree.nodes_found.starts)
    last = int(generation.max())
    colours = scale_colours(last)[::-1]
    labels = [(f"generation {number}", colour) for number, colour in enumerate(colours)]
    yield LabelMap("generations", tree.map_of(generation), labels)
    systems = tree.settings.systems
    if systems:
        names = list(zip(systems, class_colours(len(systems)), strict=True))
        yield LabelMap("systems", tree.map_of(1 + tree.growth.system), names)
    trees = int(tree.tree_of_branch.max())
    if trees > 1:
        yield LabelMap("trees", tree.map_of(tree.tree_of_branch), _named("tree", class_colours(trees)))


def territory_map(tree: VesselTree, name: str, found: Territories) -> LabelMap:
    """Territories of a tree as a label map, by the name that `named_territories` gives them."""
    stems = tree.paths.curves.branches[found.stems].tolist()
    labels = [(f"of branch {stem}", colour) for stem, colour in zip(stems, class_colours(len(stems)), strict=True)]
    return LabelMap(name, _small(found.map, len(stems)), labels)


def map_names(systems: Sequence[str], organ: bool) -> list[str]:
    """Names of all maps there may be."""
    names = ["scales", "branches", "orders", "generations", "trees"] + (["systems"] if systems else [])
    return names + ([_territories_of(system) for system in systems or ("",)] if organ else [])


def named_territories(tree: VesselTree) -> Iterator[tuple[str, Territories]]:
    """The territories by the names of their maps, of each system by itself: two systems supply the same organ.

    One at a time: each takes a while, and a volume's worth of memory. Raises ValueError without an organ.
    """
    systems = tree.settings.systems
    for number, system in enumerate(systems or ("",)):
        yield _territories_of(system), tree.territories(number if systems else None)


def _territories_of(system: str) -> str:
    return f"territories_{system}" if system else "territories"


def _named(what: str, colours: Sequence[Colour]) -> list[tuple[str, Colour]]:
    return [(f"{what} {number}", colour) for number, colour in enumerate(colours, start=1)]


def _small(array: NDArray[np.int32], largest: int) -> NDArray[np.unsignedinteger]:
    """A label map in the fewest bytes that its largest value needs."""
    return array.astype(np.min_scalar_type(largest))
