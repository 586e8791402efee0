"""The table of what losses cost, tiny: a row a loss and dimension, and a refusal without the peer."""

import importlib.util

import numpy as np
import pytest

from benchmarks import losses_topology
from ramify.losses.terms import TERMS


@pytest.mark.integration
def test_costs(in_this_process, capsys, numbers_of):
    in_this_process(losses_topology)
    losses_topology.main(["--part", "costs", "--side", "16", "--edge", "16", "--repeats", "1"])
    header, *rows = capsys.readouterr().out.splitlines()
    assert "/ clDice" in header
    left_out = {"perceptual"} if importlib.util.find_spec("gudhi") else {"perceptual", "persistent_homology"}
    assert [row[:26].strip() for row in rows] == [name for name in TERMS if name not in left_out] * 2
    found = np.array([numbers_of(row[28:]) for row in rows])
    assert found.shape == (len(rows), 4)
    assert np.isfinite(found).all()
    assert [row[26:28] for row in rows] == ["2D"] * (len(rows) // 2) + ["3D"] * (len(rows) // 2)


def test_images_have_vessels_and_are_not_all_right():
    logits, target = losses_topology.image_inputs(32)
    assert logits.shape == target.shape == (4, 1, 32, 32)
    assert 0.0 < target.mean().item() < 0.5
    assert bool(((logits > 0) != (target > 0)).any())


@pytest.mark.filterwarnings("ignore")  # of packages that it brings
def test_beside_topolosses(capsys, numbers_of):
    pytest.importorskip("topolosses.losses", reason="topolosses is not installed: pip install topolosses")
    losses_topology.main(["--part", "peers", "--side", "32", "--repeats", "1"])
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows][-2:] == ["betti_matching", "topograph"]
    values = np.array([numbers_of(row[26:]) for row in rows])
    np.testing.assert_allclose(values[:2, 3], values[:2, 4], rtol=1e-3)


def test_without_topolosses(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "topolosses" else find(name))
    with pytest.raises(ValueError, match="topolosses is not installed: pip install topolosses, or take --part costs"):
        losses_topology.main(["--part", "peers"])
