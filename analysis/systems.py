"""Two systems that touch in one mask, taken apart by a minimum cut between their roots.

Branches that meet are coupled, by the cross-section that both have and by how straight one goes on as the other. The
cut is the set of couplings, least in sum, without which no way leads from one root to the other (Boykov and Jolly 2001,
on branches in place of voxels): through contacts, which are thin or bend sharply, and not through a vessel.
"""

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ramify.analysis.branch_paths import BranchPaths
from ramify.vessels.branches import IntArray

# A turn from which on it is rather another vessel than the same one, and how sharp that bound is, degrees.
_TURN, _SOFTNESS = 75.0, 12.0
# Coupling of what turns back, as a share of that of what goes straight on.
_LEAST = 0.02
# Couplings of a piece in which two vessels run as one, beside those across it.
_LINK = 0.2
# Capacities are whole numbers: of the thickest coupling so many.
_UNITS = 1_000_000


def part_systems(paths: BranchPaths, first: int, second: int) -> IntArray:
    """The system of each branch, int (n,): 0 where it is coupled rather to the first root, 1 to the second.

    first, second: nodes of the graph. Parts of the graph that neither root is in are of system 1.
    """
    n = paths.n_branches
    couplings = _couplings(paths)
    source, sink = n, n + 1
    for root, terminal in ((first, source), (second, sink)):
        for branch in {*paths.at_node[root]}:
            couplings[branch, terminal] = float(2 * n)
    at_both = {*paths.at_node[first]} & {*paths.at_node[second]}
    for branch in at_both:
        del couplings[branch, source], couplings[branch, sink]
    pairs = np.array(list(couplings), dtype=np.int64).reshape(-1, 2)
    weights = np.array(list(couplings.values()))
    units = np.maximum(1, np.rint(np.minimum(weights, 1.0) * _UNITS / 10)).astype(np.int32)
    units[weights > 1] = _UNITS * 100
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    graph = csr_array(coo_array((np.tile(units, 2), (rows, columns)), shape=(n + 2, n + 2)))
    flow = maximum_flow(graph, source, sink).flow
    left = graph - flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    system = np.ones(n + 2, dtype=np.int64)
    system[reached] = 0
    return system[:n]


def _couplings(paths: BranchPaths) -> dict[tuple[int, int], float]:
    """Coupling of each pair of branches that meet, the lower number first; 1 for the thickest that go straight on."""
    found: dict[tuple[int, int], float] = {}
    largest = float(paths.branch_radii_mm.max()) ** 2
    ends = [
        [(b, s) for b in {*at} for s in (0, 1) if paths.ends[b, s] == node] for node, at in enumerate(paths.at_node)
    ]

    def couple(one: tuple[int, int], other: tuple[int, int], share: float) -> None:
        if one[0] == other[0]:
            return
        turn = float(np.degrees(np.arccos(np.clip(-np.dot(paths.headings[one], paths.headings[other]), -1, 1))))
        straight = _LEAST + (1 - _LEAST) / (1 + np.exp((turn - _TURN) / _SOFTNESS))
        section = min(paths.end_radii_mm[one], paths.end_radii_mm[other]) ** 2 / largest
        pair = (min(one[0], other[0]), max(one[0], other[0]))
        found[pair] = found.get(pair, 0.0) + share * straight * section

    for at in ends:
        for place, one in enumerate(at):
            for other in at[place + 1 :]:
                linked = paths.is_short[one[0]] or paths.is_short[other[0]]
                couple(one, other, _LINK if linked else 1.0)
    for link in np.flatnonzero(paths.is_short).tolist():
        start, end = paths.ends[link].tolist()
        if start != end:
            for one in ends[start]:
                for other in ends[end]:
                    if link not in (one[0], other[0]):
                        couple(one, other, 1.0)
    return found
