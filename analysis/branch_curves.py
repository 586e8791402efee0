"""The branches of a mask between nodes, with what is measured where they meet: direction and calibre of each end."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.branches import BoolArray, FloatArray, IntArray
from ramify.vessels.curve_graph import CentrelineGraph
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.local_radius import local_radii_mm

# Over how many diameters of a branch its direction and calibre at an end are taken, clear of the junction.
_DIAMETERS = 2.0
# By what share of them local radii are moved at most: a branch within a junction may have a thicker neighbour's radius.
_MOST_CORRECTED = 0.4
# Within so many radii of its tip the widest place of a vessel tells over what length it closes.
_CLOSING = 3.0


@dataclass(frozen=True, eq=False)
class BranchCurves:
    """Branches as paths between nodes; mm along the array's axes from the centre of the first voxel.

    curves: the branches' curves. A loop without a junction has a node of its own.
    ends: int (n, 2), node at the start and at the end of each.
    nodes_mm: float (K, ndim).
    depths_mm: float (M,), radius of the vessel at each of the curves' points by its distance to the wall.
    branch_radii_mm: float (n,), as their scales go by.
    """

    curves: CentrelineGraph
    ends: IntArray
    nodes_mm: FloatArray
    depths_mm: FloatArray
    branch_radii_mm: FloatArray

    @classmethod
    def of(cls, found: ScaleDecomposition, mask: BoolArray) -> "BranchCurves":
        """Those of the decomposition of a mask, bool (*S), that has at least one branch."""
        curves = found.centreline
        ends = curves.ends.copy()
        loops = np.flatnonzero(ends[:, 0] < 0)
        ends[loops] = (len(curves.nodes_mm) + np.arange(len(loops)))[:, None]
        depths = local_radii_mm(curves.voxels, mask, found.spacing_mm)
        return cls(curves, ends, found.nodes_mm, depths, found.radii_mm[curves.branches - 1])

    @property
    def n_branches(self) -> int:
        return len(self.ends)

    @cached_property
    def lengths_mm(self) -> FloatArray:
        """Length of each branch, float (n,)."""
        lengths: FloatArray = np.add.reduceat(self.curves.steps_mm, self.curves.starts[:-1])
        return lengths

    @cached_property
    def at_node(self) -> list[list[int]]:
        """The branches that end at each node; one that returns to its node is there twice."""
        found: list[list[int]] = [[] for _ in self.nodes_mm]
        for branch, (start, end) in enumerate(self.ends.tolist()):
            found[start].append(branch)
            if end != start or self.lengths_mm[branch] > 0:
                found[end].append(branch)
        return found

    @cached_property
    def node_radii_mm(self) -> FloatArray:
        """Radius of the thickest branch at each node, float (K,): what a junction hides of the others."""
        radii = np.zeros(len(self.nodes_mm))
        for side in (0, 1):
            np.maximum.at(radii, self.ends[:, side], self.branch_radii_mm)
        return radii

    @cached_property
    def is_short(self) -> NDArray[np.bool_]:
        """Whether both ends of a branch lie in one junction, as where two vessels run as one for a while; bool (n,)."""
        joined = np.array([len(at) > 1 for at in self.at_node])[self.ends].all(axis=1)
        short: NDArray[np.bool_] = joined & (self.lengths_mm <= self.node_radii_mm[self.ends].sum(axis=1))
        return short

    def points(self, branch: int) -> slice:
        """Where the points of a branch lie among those of the curves."""
        return slice(int(self.curves.starts[branch]), int(self.curves.starts[branch + 1]))

    def clear_of_ends(self, branch: int) -> NDArray[np.bool_]:
        """Which points of a branch no junction hides, and that lie farther from a free end than the vessel is
        thick there, where it closes; bool (m,), all where there is none."""
        along = self.along_mm(branch)
        if len(along) == 1:
            return np.ones(1, dtype=bool)
        clear: NDArray[np.bool_] = along >= self._hidden_mm(branch, 0)
        clear &= along[-1] - along >= self._hidden_mm(branch, 1)
        return clear if clear.any() else np.ones(len(along), dtype=bool)

    def along_mm(self, branch: int) -> FloatArray:
        """Length from the start of a branch to each of its points, float (m,)."""
        return self._along_mm[self.points(branch)]

    @cached_property
    def _along_mm(self) -> FloatArray:
        gone = np.append(0.0, np.cumsum(self.curves.steps_mm)[:-1])
        along: FloatArray = gone - np.repeat(gone[self.curves.starts[:-1]], np.diff(self.curves.starts))
        return along

    def _hidden_mm(self, branch: int, side: int) -> float:
        """How much of a branch at one of its ends is not measured."""
        node = self.ends[branch, side]
        if len(self.at_node[node]) > 1:
            return float(self.node_radii_mm[node])
        along, depth = self.along_mm(branch), self.depths_mm[self.points(branch)]
        gone = along if side == 0 else along[-1] - along
        near = gone <= _CLOSING * self.branch_radii_mm[branch]
        return min(float(depth[near].max()), float(along[-1]) / 3)

    @cached_property
    def radii_mm(self) -> FloatArray:
        """Radius of the vessel at each of the curves' points, float (M,): by its distance to the wall, all of a branch
        moved by what makes their median the radius of the branch.

        In vessels of few voxels the wall's distance is up to a third too large, cross-sections are not.
        """
        radii = self.depths_mm.copy()
        for branch, wanted in enumerate(self.branch_radii_mm.tolist()):
            part = self.points(branch)
            if part.stop - part.start == 1:
                most = _MOST_CORRECTED * radii[part.start]
                radii[part.start] += min(max(wanted - radii[part.start], -most), most)
                continue
            median = float(np.median(radii[part][self.clear_of_ends(branch)]))
            most = _MOST_CORRECTED * radii[part]
            radii[part] += np.clip(wanted - median, -most, most)
        return radii

    @cached_property
    def headings(self) -> FloatArray:
        """Unit vectors in which each branch leaves its nodes, float (n, 2, ndim), in mm; 0 for one without length."""
        return self._ends_measured[0]

    @cached_property
    def end_radii_mm(self) -> FloatArray:
        """Radius of each branch near its ends, float (n, 2)."""
        return self._ends_measured[1]

    @cached_property
    def end_places_mm(self) -> FloatArray:
        """A place in each branch near its ends, clear of what lies there, float (n, 2, ndim): its axis runs through it
        along the heading."""
        return self._ends_measured[2]

    @cached_property
    def _ends_measured(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        headings = np.zeros((self.n_branches, 2, self.nodes_mm.shape[1]))
        radii = np.empty((self.n_branches, 2))
        places = np.empty_like(headings)
        for branch in range(self.n_branches):
            part, along = self.points(branch), self.along_mm(branch)
            if len(along) == 1:
                # A vessel that was thinned to a point; noise has as many of these as a tree has branches.
                radii[branch], places[branch] = self.radii_mm[part], self.curves.points_mm[part]
                continue
            for side in (0, 1):
                path, local, gone = self.curves.points_mm[part], self.radii_mm[part], along
                if side:
                    path, local, gone = path[::-1], local[::-1], along[-1] - along[::-1]
                first, last = self._stretch(branch, side, float(along[-1]))
                near, away = np.stack([np.interp((first, last), gone, axis) for axis in path.T], axis=1)
                places[branch, side] = (near + away) / 2
                way = away - near
                norm = float(np.linalg.norm(way))
                headings[branch, side] = way / norm if norm > 0 else way
                chosen = (gone >= first) & (gone <= last)
                radii[branch, side] = np.median(local[chosen] if chosen.any() else local)
        return headings, radii, places

    def _stretch(self, branch: int, side: int, length: float) -> tuple[float, float]:
        """From where to where along a branch, from one of its ends, that is measured: clear of it, if it can be."""
        clear = min(self._hidden_mm(branch, side), length / 3)
        reach = max(2 * _DIAMETERS * self.branch_radii_mm[branch], 1.5 * self._step_mm)
        return clear, min(clear + reach, length)

    @cached_property
    def _step_mm(self) -> float:
        steps = self.curves.steps_mm
        return float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0


def angle_deg(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Angle between two directions, 0 to 180; None where one of them is 0."""
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return None if norm == 0 else float(np.degrees(np.arccos(np.clip(np.dot(first, second) / norm, -1, 1))))
