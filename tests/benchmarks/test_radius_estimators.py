"""The table of radius estimators: what counts as the truth, by hand, and every row of a small run."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import radius_estimators
from benchmarks.radius_estimators import Truth, draw, scores, true_branches, tubes
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.phantoms.vessel_graph import VesselGraph


def graph_of(nodes, edges, radii) -> VesselGraph:
    count = len(edges)
    arrays = (np.array(nodes, float), np.array(edges, np.int32), np.array(radii, float), np.zeros(count, np.int32))
    return VesselGraph(*arrays, ("tree",))


def fork() -> VesselGraph:
    """A trunk of two edges of one radius, then a fork into a thick and a thin end."""
    nodes = [[4, 16, 16], [12, 16, 16], [20, 16, 16], [34, 8, 16], [34, 24, 16]]
    return graph_of(nodes, [[0, 1], [1, 2], [2, 3], [2, 4]], [4.0, 4.0, 3.0, 2.0])


def test_edges_that_only_continue_one_another_are_a_branch():
    numbers = true_branches(fork())
    assert numbers[0] == numbers[1]
    assert len(set(numbers.tolist())) == 3
    # Of another radius, the trunk's second edge is a branch of its own.
    graph = fork()
    other = graph_of(graph.nodes_mm, graph.edges, [4.0, 3.5, 3.0, 2.0])
    assert len(set(true_branches(other).tolist())) == 4


def test_the_drawn_truth_is_the_graphs():
    truth = draw(fork(), (1.0, 1.0, 1.0))
    # Each voxel of the mask has a branch, and every branch its radius.
    assert len(truth.branch) == truth.mask.sum()
    assert sorted(truth.radii_mm.tolist()) == [2.0, 3.0, 4.0]
    assert set(np.unique(truth.branch).tolist()) == {0, 1, 2}
    trunk = np.zeros_like(truth.mask, dtype=bool)
    trunk[truth.mask] = truth.radii_mm[truth.branch] == 4.0
    # The middle of the trunk, a tube of 4 mm: 50 voxels a slice.
    assert trunk[8].sum() == pytest.approx(np.pi * 16, rel=0.1)
    assert not trunk[30].any()


def test_scores_of_a_perfect_and_of_a_doubled_estimate():
    mask = np.ones((1, 1, 8), dtype=bool)
    branch = np.repeat(np.arange(4), 2)
    truth = Truth(mask, branch, np.array([1.0, 2.0, 3.0, 4.0]), (1.0, 1.0, 1.0))
    labels = np.array([1, 1, 2, 2, 2, 2, 3, 3], np.uint8).reshape(mask.shape)
    branches = (branch + 1).astype(np.int32).reshape(mask.shape)

    def estimated(radii_mm):
        return SimpleNamespace(scale_map=labels, branches=branches, radii_mm=radii_mm)

    assert scores(estimated(np.array([1.0, 2.0, 3.0, 4.0])), truth) == {"error": 0.0, "rank": 1.0, "in scale": 1.0}
    doubled = scores(estimated(np.array([2.0, 4.0, 6.0, 8.0])), truth)
    assert (doubled["error"], doubled["rank"]) == (1.0, pytest.approx(1.0))
    backwards = scores(estimated(np.array([4.0, 3.0, 2.0, 1.0])), truth)
    assert backwards["rank"] == pytest.approx(-1.0)


def test_tubes_have_the_radii_that_are_asked_for(monkeypatch):
    monkeypatch.setattr(radius_estimators, "TUBE_RADII_MM", (1.0, 2.0))
    straight, curved = tubes(0.0, 0), tubes(1.5, 0)
    assert straight.radii_mm.tolist() == [1.0, 2.0]
    assert np.unique(curved.radii_mm).tolist() == [1.0, 2.0]
    # A curved one is as long as a straight one: 60 mm along the arc, the chords a little less.
    of_one = curved.lengths_mm()[curved.radii_mm == 1.0].sum()
    assert straight.lengths_mm()[0] == pytest.approx(60, abs=0.1)
    assert of_one == pytest.approx(60, abs=0.2)


@pytest.fixture
def one_tree(monkeypatch) -> None:
    """One small phantom of each group, at one spacing, in place of fifteen at two."""
    monkeypatch.setattr(radius_estimators, "SPACINGS_MM", ((1.0, 1.0, 1.0),))
    monkeypatch.setattr(
        radius_estimators, "graphs", lambda seeds: iter([("trees", fork()), ("straight tubes", fork())])
    )


def test_a_row_for_every_estimator(one_tree, capsys, tmp_path):
    mask = draw(fork(), (1.0, 1.0, 1.0)).mask
    write_volume(tmp_path / "case_a.nii.gz", Volume(mask.astype(np.uint8), (1.0, 1.0, 1.0)))
    write_volume(tmp_path / "case_a_liver.nii.gz", Volume(np.ones_like(mask, np.uint8), (1.0, 1.0, 1.0)))
    radius_estimators.main(["--seeds", "1", "--masks", str(tmp_path)])
    told = capsys.readouterr().out.splitlines()
    rows = [line for line in told if line.startswith("| 1 x 1 x 1 |")]
    assert [row.split("|")[2].strip() for row in rows] == ["straight tubes (1)"] * 3 + ["trees (1)"] * 3
    assert sum("(default)" in row for row in rows) == 2
    for row in rows:
        values = [float(value) for cell in row.split("|")[4:7] for value in cell.split("/")]
        assert len(values) == 6
        assert np.isfinite(values).all()
    assert sum(line.endswith(("reached", "missed")) for line in told) == 4
    (of_mask,) = [line for line in told if line.startswith("| case_a ")]
    assert of_mask.split("|")[2].strip() == "3"


def test_a_folder_without_masks_is_said(tmp_path):
    with pytest.raises(ValueError, match="holds no vessel mask"):
        radius_estimators.table_of_masks(tmp_path)
