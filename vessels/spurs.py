"""Prune the spurs and handles that rough walls leave, and join the branches that were cut only because of them."""

import heapq
from collections.abc import Sequence

import numpy as np

from ramify.vessels.balls import GONE, Balls
from ramify.vessels.branches import CLOSED, FREE, BranchGraph, FloatArray, IntArray, cluster_centres, path_lengths

# How far a branch must reach, in diameters of the vessel that it leaves or of the tree's median vessel.
_LEAST_REACH = 2.0


def prune_spurs(
    graph: BranchGraph, depth_mm: FloatArray, spacing_mm: Sequence[float], keep_bridges: bool = False
) -> BranchGraph:
    """Remove branches that hardly reach out of the other vessels, and join what then is one branch again.

    Around each skeleton voxel lies the largest ball within the vessel. A branch with a free end, or with a way round it
    (a bridge between vessels that touch, or a handle that a rough wall makes), stays where one of its balls reaches out
    of all balls of the other branches farther than the branch is thick, than the coarsest voxel side, and than two
    diameters of a vessel: of the one that it leaves there or of the tree's median, whichever is thinner. Measured by
    its length alone a ridge along a wall would be a vessel, and on a finer grid, where each step of the old voxels is
    such a ridge, most branches were none.

    The short end of a trunk beside its last side vessel is no spur of that: a branch with a free end may go where it
    leaves two others that are at least half as thick as it is itself.

    The shortest is looked at first, and each component keeps a branch. Where only two branches are left at a junction
    they become one; with one left the junction is its end. A lone voxel with both ends in one cluster belongs to the
    cluster.

    Args:
        graph: branches as `trace_branches` gives them.
        depth_mm: float (N,), distance from each skeleton voxel to the nearest voxel outside the vessel, mm; of the
            balls' radii, half a voxel is taken off it.
        spacing_mm: voxel size along each axis, mm.
        keep_bridges: leave what joins two junctions, as where several trees touch: of a vessel and the contact beside
            it, the vessel might go.

    Returns:
        a graph over the voxels that are left, which have the components they had; an empty one unchanged.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import prune_spurs, trace_branches
        >>> skeleton = np.zeros((5, 11), bool)
        >>> skeleton[3, 1:10] = True
        >>> skeleton[2, 5] = True  # one voxel to the side
        >>> graph = trace_branches(skeleton)
        >>> pruned = prune_spurs(graph, np.full(len(graph.voxels), 3.0), (1.0, 1.0))  # of a vessel 3 mm thick
        >>> graph.n_branches, pruned.n_branches
        (2, 1)
    """
    return _Pruning(graph, depth_mm, spacing_mm, keep_bridges).run() if graph.n_branches else graph


class _Pruning:
    """The graph while branches go and merge: paths by number, clusters with the paths at them."""

    def __init__(
        self, graph: BranchGraph, depth_mm: FloatArray, spacing_mm: Sequence[float], keep_bridges: bool
    ) -> None:
        self.graph, self.keep_bridges = graph, keep_bridges
        self.cluster, self.owner = graph.cluster.copy(), graph.owner.copy()
        self.centre = cluster_centres(graph)
        in_cluster = np.flatnonzero(graph.cluster >= 0)
        by_cluster = in_cluster[np.argsort(graph.cluster[in_cluster], kind="stable")]
        self.members = np.split(by_cluster, np.cumsum(np.bincount(graph.cluster[by_cluster]))[:-1])
        half_voxel = float(np.mean(spacing_mm)) / 2
        self.radius = np.maximum(depth_mm - half_voxel, half_voxel)
        owner = np.where(graph.owner < 0, graph.n_branches, graph.owner)
        self.balls = Balls(graph.voxels, self.radius, owner, spacing_mm)
        self.coarsest, self.median_diameter = max(spacing_mm), 2 * float(np.median(self.radius))
        self.path: dict[int, IntArray] = dict(enumerate(np.split(graph.order, graph.starts[1:-1])))
        self.ends: dict[int, list[int]] = dict(enumerate(graph.ends.tolist()))
        self.length: dict[int, float] = dict(enumerate(path_lengths(graph, spacing_mm).tolist()))
        self.at: list[list[int]] = [[] for _ in self.centre]
        for branch, ends in self.ends.items():
            for end in ends:
                if end >= 0:
                    self.at[end].append(branch)
        self.thickness: dict[int, tuple[int, float]] = {}
        self.joined_to = np.arange(graph.n_branches)
        self.lies_on = np.full(len(self.centre), -1)
        self.waiting: list[tuple[float, int]] = []

    def run(self) -> BranchGraph:
        """Prune to the end."""
        for branch, path in list(self.path.items()):
            if len(path) == 1 and 0 <= self.ends[branch][0] == self.ends[branch][1]:
                self._absorb(branch)
        for branch in self.path:
            self._enlist(branch)
        for cluster in range(len(self.at)):
            self._settle(cluster)
        while self.waiting:
            length, branch = heapq.heappop(self.waiting)
            if branch not in self.path or length != self.length[branch] or max(self.ends[branch]) < 0:
                continue
            if not self._reaches_out(branch) and self._can_go(branch):
                del self.path[branch]
                self.balls.rename(branch, GONE)
                for cluster in {end for end in self.ends[branch] if end >= 0}:
                    self.at[cluster] = [other for other in self.at[cluster] if other != branch]
                    self._settle(cluster)
        return self._result()

    def _can_go(self, branch: int) -> bool:
        """Whether what the branch joins stays in one piece without it: it is a spur, or there is a way round it."""
        start, goal = self.ends[branch]
        if min(start, goal) < 0:
            return self._leaves_a_vessel(branch)
        if start == goal:
            return True
        if self.keep_bridges:
            return False
        seen, waiting = {start}, [start]
        while waiting:
            for other in self.at[waiting.pop()]:
                if other == branch:
                    continue
                for end in self.ends[other]:
                    if end == goal:
                        return True
                    if end >= 0 and end not in seen:
                        seen.add(end)
                        waiting.append(end)
        return False

    def _leaves_a_vessel(self, branch: int) -> bool:
        """Whether it leaves two branches at least half as thick as it is: else it is an end of the vessel itself."""
        others = [other for other in self.at[max(self.ends[branch])] if other != branch]
        own = self._thickness(branch) / 2
        return sum(self._thickness(other) >= own for other in others) >= 2

    def _thickness(self, branch: int) -> float:
        """Median diameter of the balls along a branch, mm."""
        path = self.path[branch]
        known = self.thickness.get(branch)
        if known is None or known[0] != len(path):
            known = len(path), 2 * float(np.median(self.radius[path]))
            self.thickness[branch] = known
        return known[1]

    def _reaches_out(self, branch: int) -> bool:
        """Whether a branch reaches so far out of all others that it is a vessel."""
        path = self.path[branch]
        # Its ends and its middle first: mostly they settle it.
        return self._any_reaches_out(branch, path[[0, len(path) // 2, -1]]) or self._any_reaches_out(branch, path)

    def _any_reaches_out(self, branch: int, voxels: IntArray) -> bool:
        outside, of = self.balls.outside_others(voxels, branch)
        thinner = np.minimum(2 * self.radius[of], self.median_diameter)
        least = np.maximum(_LEAST_REACH * thinner, max(self._thickness(branch), self.coarsest))
        return bool(np.any(outside + self.radius[voxels] > least))

    def _enlist(self, branch: int) -> None:
        if max(self.ends[branch]) >= 0:
            heapq.heappush(self.waiting, (self.length[branch], branch))

    def _absorb(self, branch: int) -> None:
        """Give a lone voxel that only touches one cluster to that cluster, unless the two are a component."""
        cluster, voxel = self.ends[branch][0], self.path[branch]
        if len(self.at[cluster]) > 2:
            self.at[cluster] = [other for other in self.at[cluster] if other != branch]
            self.cluster[voxel], self.owner[voxel] = cluster, -1
            self.balls.rename(branch, self.graph.n_branches)
            del self.path[branch]

    def _settle(self, cluster: int) -> None:
        """Turn a cluster that joins fewer than three ends into a part of the branch it lies on."""
        left = self.at[cluster]
        if len(left) not in (1, 2):
            return
        branch, other = left[0], left[-1]
        if self.ends[branch][1] != cluster:
            self._reverse(branch)
        self.path[branch] = np.append(self.path[branch], self.centre[cluster])
        self.balls.relabel(self.members[cluster], branch)
        if len(left) == 1:
            self.ends[branch][1] = FREE
        elif branch == other:
            self.ends[branch] = [CLOSED, CLOSED]
        else:
            self._join(branch, other, cluster)
        self.lies_on[cluster] = branch
        self.at[cluster] = []
        self._enlist(branch)

    def _reverse(self, branch: int) -> None:
        self.path[branch] = self.path[branch][::-1]
        self.ends[branch] = self.ends[branch][::-1]

    def _join(self, branch: int, other: int, cluster: int) -> None:
        """Continue `branch`, which ends in the cluster, by `other`."""
        if self.ends[other][0] != cluster:
            self._reverse(other)
        self.balls.rename(other, branch)
        self.path[branch] = np.concatenate([self.path[branch], self.path.pop(other)])
        self.ends[branch][1] = end = self.ends[other][1]
        self.length[branch] += self.length[other]
        self.joined_to[other] = branch
        if end >= 0:
            self.at[end][self.at[end].index(other)] = branch

    def _result(self) -> BranchGraph:
        """Number what is left anew, branches in the order of their first voxels."""
        kept = sorted(self.path, key=lambda branch: int(self.path[branch].min()))
        branch_number = np.full(len(self.joined_to), -1)
        branch_number[kept] = np.arange(len(kept))
        while not np.array_equal(self.joined_to, self.joined_to[self.joined_to]):
            self.joined_to = self.joined_to[self.joined_to]

        lies_on = np.append(self.lies_on, -1)[self.cluster]
        owner = np.where(lies_on >= 0, lies_on, self.owner)
        at_junction = owner < 0
        owner = np.where(at_junction, -1, branch_number[self.joined_to[owner]])
        kept_voxel = at_junction | (owner >= 0)
        voxel_number = np.cumsum(kept_voxel) - 1

        joining = np.array([bool(at) for at in self.at], dtype=bool)
        cluster_number = np.append(np.where(joining, np.cumsum(joining) - 1, -1), -1)
        cluster = np.where(at_junction, cluster_number[self.cluster], -1)
        paths = [self.path[branch] for branch in kept]
        ends = np.array([self.ends[branch] for branch in kept], dtype=np.int64).reshape(-1, 2)
        ends[ends >= 0] = cluster_number[ends[ends >= 0]]
        return BranchGraph(
            voxels=self.graph.voxels[kept_voxel],
            cluster=cluster[kept_voxel],
            owner=owner[kept_voxel],
            order=voxel_number[np.concatenate(paths)],
            starts=np.concatenate([[0], np.cumsum([len(path) for path in paths])]),
            ends=ends,
        )
