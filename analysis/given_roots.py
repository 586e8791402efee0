"""Places that are given as roots, held against the mask: inside its volume, at ends of their own, and how near."""

from collections.abc import Sequence

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.growth import Root
from ramify.analysis.patient_frame import in_array_mm, in_patient
from ramify.data.volume import Volume
from ramify.report.settings import Space
from ramify.vessels.branches import FloatArray


def places_in(place: Volume, roots_mm: Sequence[tuple[float, ...]], space: Space) -> list[FloatArray]:
    """Places in the patient, x, y, z, as mm along the array's axes.

    Raises ValueError for too few or many numbers, and for a place outside the volume.
    """
    spacing = np.array(place.spacing_mm)
    last = (np.array(place.shape) - 1) * spacing
    found = []
    for root in roots_mm:
        along = in_array_mm(place, root, space)
        if ((along < -spacing) | (along > last + spacing)).any():
            corners = np.stack(np.meshgrid(*([0.0, end] for end in last)), axis=-1).reshape(-1, place.ndim)
            reached = in_patient(place, corners, space)
            extent = f"from {_written(reached.min(0))} to {_written(reached.max(0))} mm in {space.upper()}"
            other = "ras" if space == "lps" else "lps"
            raise ValueError(
                f"root {_written(root)}: lies outside the mask's volume, which reaches {extent}; of places in "
                f"{other.upper()} say --coordinates {other}"
            )
        found.append(along)
    return found


def check_ends(paths: BranchCurves, roots: Sequence[Root], place: Volume, space: Space) -> None:
    """Raise ValueError where two of the given places, whose roots these are, took the same end."""
    nodes = [root.node for root in roots]
    for node in nodes:
        if nodes.count(node) > 1:
            (end,) = in_patient(place, paths.nodes_mm[node], space)
            raise ValueError(f"root: two places are nearest to the same end, {_written(end)}; give each its own")


def notes_on_ends(
    paths: BranchCurves,
    given_mm: Sequence[FloatArray],
    roots: Sequence[Root],
    named: Sequence[tuple[float, ...]],
    place: Volume,
    space: Space,
) -> list[str]:
    """A line for each place that lies farther from the end it took than that vessel is wide, and two voxels.

    Args:
        given_mm: the places, mm along the array's axes; named: the same as they were given, in the patient.
        roots: what was taken for each.
    """
    notes = []
    for along, root, name in zip(given_mm, roots, named, strict=True):
        gap = float(np.linalg.norm(paths.nodes_mm[root.node] - along))
        if gap > 2 * float(paths.node_radii_mm[root.node]) + 2 * max(place.spacing_mm):
            (end,) = in_patient(place, paths.nodes_mm[root.node], space)
            notes.append(
                f"root {_written(name)}: no vessel ends there; the tree begins at the nearest vessel's end "
                f"{_written(end)}, {gap:.3g} mm away"
            )
    return notes


def _written(point: Sequence[float]) -> str:
    return ",".join(f"{float(part):.4g}" for part in point)
