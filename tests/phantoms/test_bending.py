"""Winding vessels are the straight ones, moved by one smooth field and tapered."""

from dataclasses import replace

import numpy as np
import pytest

from ramify.phantoms.bending import bent, with_trunks
from ramify.phantoms.vessel_graph import VesselGraph


@pytest.fixture
def fork() -> VesselGraph:
    """A trunk of 10 mm that forks into two branches."""
    nodes = np.array([[0.0, 0, 0], [10, 0, 0], [16, 8, 0], [16, -8, 0]])
    edges = np.array([[0, 1], [1, 2], [1, 3]], np.int32)
    return VesselGraph(nodes, edges, np.array([2.0, 1.6, 1.5]), np.zeros(3, np.int32), ("tree",))


def test_without_a_shift_the_centreline_stays_and_the_radii_taper(fork):
    pieces = bent(fork, 0.0, 20.0, np.random.default_rng(0))
    assert pieces.lengths_mm().sum() == pytest.approx(fork.lengths_mm().sum())
    assert pieces.lengths_mm().max() <= 3.0
    assert np.array_equal(pieces.nodes_mm[: len(fork.nodes_mm)], fork.nodes_mm)
    parents = pieces.parents()
    children = np.flatnonzero(parents >= 0)
    assert (pieces.radii_mm[children] <= pieces.radii_mm[parents[children]] + 1e-12).all()
    assert (np.diff(pieces.radii_mm[:4]) < 0).all()
    # Volumes stay near those of the straight vessels.
    volumes = [(graph.radii_mm**2 * graph.lengths_mm()).sum() for graph in (pieces, fork)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.1)


def test_a_branch_as_thick_as_its_trunk_keeps_its_width(fork):
    thick = replace(fork, radii_mm=np.array([2.0, 1.9, 1.0]))
    pieces = bent(thick, 0.0, 20.0, np.random.default_rng(0))
    # The trunk has four pieces, each branch of 10 mm as well; the first of them is near the branch's beginning.
    assert pieces.radii_mm[3] == pytest.approx(1.7, abs=0.1)
    assert pieces.radii_mm[4] == pytest.approx(1.9, abs=0.05)
    assert pieces.radii_mm[8] == pytest.approx(1.15, abs=0.05)


def test_the_shift_has_the_strength_that_was_asked_for(fork):
    shifts = [bent(fork, 2.0, 20.0, np.random.default_rng(seed)).nodes_mm[:4] - fork.nodes_mm for seed in range(300)]
    assert np.std(shifts) == pytest.approx(2.0, rel=0.1)
    # A field: what lies near is moved alike.
    near = np.array([shift[2] - shift[1] for shift in shifts])
    assert near.std() < 0.8 * np.std(shifts)


def test_a_trunk_leads_to_each_trees_first_vessel(fork):
    longer = with_trunks(fork, [np.array([-8.0, 0, 0])])
    assert longer.lengths_mm()[0] == pytest.approx(8.0)
    assert longer.roots().tolist() == [4]
    assert longer.radii_mm[0] == 2.0
