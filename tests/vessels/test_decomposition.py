"""One number a branch: in the maps, the table, the graph and the mesh of a decomposition."""

import itertools
import sys
from pathlib import Path

import networkx
import numpy as np
import pytest

import ramify
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from tests.storage_orders import ORDERS, restored

SPACING = (2.0, 0.75, 1.25)
HALVES = ScaleSettings(quantiles=(0.5,))


def fork() -> np.ndarray:
    """A thick stem along y that splits into two thinner arms along x, the one longer than the other."""
    mask = np.zeros((13, 40, 36), dtype=bool)
    mask[4:9, 2:28, 13:18] = True
    mask[5:8, 26:29, 2:34] = True
    return mask


def ring_and_point() -> np.ndarray:
    mask = np.zeros((5, 24, 16), dtype=bool)
    mask[2, 4:14, 3:13] = True
    mask[2, 5:13, 4:12] = False
    mask[2, 20, 2] = True
    return mask


@pytest.fixture(scope="module")
def of_fork() -> ScaleDecomposition:
    return decompose_scales(fork(), SPACING, HALVES)


def test_rows_of_a_fork(of_fork: ScaleDecomposition):
    rows = of_fork.rows()
    assert [row.id for row in rows] == [1, 2, 3]
    stem = max(rows, key=lambda row: row.radius_mm)
    assert stem.id == of_fork.branches[6, 10, 15]
    assert (stem.scale, of_fork.scale_map[6, 10, 15]) == (2, 2)
    # All three meet in one node.
    (junction,) = set.intersection(*(set(row.ends) for row in rows))
    assert np.abs(of_fork.nodes_mm[junction] / SPACING - (6, 27, 15)).max() < 1.5
    # From face to junction: 25 voxels of 0.75 mm along y, 11 and 18 of 1.25 mm along x.
    assert stem.length_mm == pytest.approx(25 * 0.75, abs=1.0)
    arms = sorted(row.length_mm for row in rows if row is not stem)
    assert arms == pytest.approx([13.5 * 1.25, 18.5 * 1.25], abs=1.0)


@pytest.mark.parametrize("order", ORDERS[::7])
def test_curves_lie_in_their_branches_however_the_mask_is_stored(of_fork: ScaleDecomposition, order):
    spacing = tuple(SPACING[axis] for axis in order[0])
    found = decompose_scales(np.ascontiguousarray(restored(fork(), order)), spacing, HALVES)
    assert [row[:4] for row in found.rows()] == [pytest.approx(row[:4]) for row in of_fork.rows()]
    curves = found.centreline
    assert curves.branches.tolist() == [1, 2, 3]
    for number, (start, stop) in zip(curves.branches, itertools.pairwise(curves.starts)):
        middle = (start + stop) // 2
        assert found.branches[tuple(curves.voxels[middle])] == number
        assert np.abs(curves.points_mm[middle] / spacing - curves.voxels[middle]).max() < 1
    assert found.skeleton[tuple(found.graph.voxels.T)].all()


def test_what_pruning_joins_is_one_branch_in_every_form():
    """With a spur on its wall a tube has three branches, and one once it is pruned: maps and curves agree on it."""
    mask = np.zeros((9, 11, 41), dtype=bool)
    mask[3:6, 3:6, 2:38] = True
    mask[4, 6:8, 20] = True
    for prune, many in ((False, True), (True, False)):
        found = decompose_scales(mask, (1.0, 1.0, 1.0), ScaleSettings(quantiles=(), prune_spurs=prune))
        numbers = set(np.unique(found.branches).tolist()) - {0}
        assert (len(numbers) > 1) == many
        assert {row.id for row in found.rows()} == numbers


def test_a_ring_and_a_point():
    found = decompose_scales(ring_and_point(), (1.0, 1.0, 1.0), ScaleSettings(quantiles=()))
    ring, point = sorted(found.rows(), key=lambda row: -row.length_mm)
    assert ring.ends[0] == ring.ends[1] != point.ends[0] == point.ends[1]
    # Between the circle that fits into the square of 9 mm and the square itself: its corners are cut.
    assert 9 * np.pi < ring.length_mm < 4 * 9
    assert point.length_mm == 0
    assert np.allclose(found.nodes_mm[point.ends[0]], (2, 20, 2))
    graph = found.to_networkx()
    assert list(graph.edges(keys=True)) == [(ring.ends[0], ring.ends[0], ring.id)]
    assert graph.nodes[point.ends[0]]["branch"] == point.id


def test_the_graph_has_an_edge_a_branch(of_fork: ScaleDecomposition):
    graph = of_fork.to_networkx()
    assert networkx.is_tree(networkx.Graph(graph))
    assert sorted(dict(graph.degree()).values()) == [1, 1, 1, 3]
    rows = {row.id: row for row in of_fork.rows()}
    for start, end, number, values in graph.edges(keys=True, data=True):
        row = rows[number]
        assert {start, end} == set(row.ends)
        assert values == {
            "branch": row.id,
            "scale": row.scale,
            "radius_mm": row.radius_mm,
            "length_mm": row.length_mm,
        }
        places = np.array([[graph.nodes[node][axis] for axis in "zyx"] for node in (start, end)])
        assert np.allclose(places, of_fork.nodes_mm[[start, end]])
        assert np.linalg.norm(places[1] - places[0]) <= row.length_mm + 1e-9


@pytest.mark.parametrize("mask", [fork(), fork()[6], ring_and_point()], ids=["fork", "flat", "ring and point"])
def test_the_graph_goes_through_a_file(mask: np.ndarray, tmp_path: Path):
    graph = decompose_scales(mask, SPACING[-mask.ndim :], ScaleSettings(quantiles=())).to_networkx()
    networkx.write_graphml(graph, tmp_path / "tree.graphml")
    found = networkx.read_graphml(tmp_path / "tree.graphml", node_type=int, force_multigraph=True)
    assert found.graph["UNIT"] == "mm"
    assert dict(found.nodes(data=True)) == dict(graph.nodes(data=True))
    branches = [sorted(data["branch"] for *_, data in each.edges(data=True)) for each in (found, graph)]
    assert branches[0] == branches[1] != []


def test_the_mesh_is_the_wall_with_the_branches_numbers(of_fork: ScaleDecomposition):
    mesh = of_fork.mesh()
    assert mesh.is_watertight
    # Marching cubes cuts the edges of a box: of the voxels' volume a little is missing.
    assert 0.85 < mesh.volume / (fork().sum() * np.prod(SPACING)) < 1
    branch, scale = mesh.vertex_attributes["branch"], mesh.vertex_attributes["scale"]
    assert set(branch) == {1, 2, 3}
    assert np.array_equal(scale, of_fork.scale_of_branch[branch - 1])
    stem = of_fork.branches[6, 10, 15]
    at_the_root = mesh.vertices[:, 1] < 10
    assert at_the_root.any()
    assert (branch[at_the_root] == stem).all()
    with pytest.raises(ValueError, match="three dimensions"):
        decompose_scales(fork()[6], SPACING[1:], ScaleSettings(quantiles=())).mesh()


def test_a_vessel_that_fills_its_volume_has_a_closed_mesh_and_an_end_at_its_face():
    found = decompose_scales(np.ones((3, 3, 9), bool), (1.0, 1.0, 1.0), ScaleSettings(quantiles=()))
    assert found.mesh().is_watertight
    assert found.centreline.points_mm[:, 2].max() <= 8.5


class FramesOnly:
    """What of pandas is called."""

    @staticmethod
    def DataFrame(rows, columns):
        return [dict(zip(columns, row, strict=True)) for row in rows]


def test_the_table_is_the_rows(of_fork: ScaleDecomposition, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", FramesOnly)
    table = of_fork.table()
    assert [tuple(row) for row in table] == [("id", "scale", "radius_mm", "length_mm", "ends")] * 3
    assert table[1] == of_fork.rows()[1]._asdict()


@pytest.mark.parametrize(("package", "form"), [("pandas", "table"), ("networkx", "to_networkx"), ("trimesh", "mesh")])
def test_a_missing_package_is_named(of_fork: ScaleDecomposition, package, form, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=f"needs {package}, which is not installed; pip install {package}"):
        getattr(of_fork, form)()


def test_the_short_name_is_the_function():
    assert ramify.decompose is decompose_scales
    with pytest.raises(AttributeError, match="decompos"):
        ramify.decompos  # noqa: B018
