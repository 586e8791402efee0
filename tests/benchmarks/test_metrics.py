"""The evaluation's table beside a plain script, and the script's values beside ours."""

import numpy as np
import pytest

from benchmarks import metrics, plain_evaluation
from benchmarks.liver_mask import SPACING_MM, make_mask
from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings


def test_our_sides_have_their_rows(in_this_process, capsys, monkeypatch, numbers_of):
    in_this_process(metrics)
    monkeypatch.setattr(metrics, "SIDES", metrics.SIDES[:2])
    metrics.main(["--size", "tiny", "--repeats", "1"])
    _, title, _, *rows = capsys.readouterr().out.splitlines()
    assert title.startswith("tiny: 32 x 64 x 64 voxels, ")
    assert [row[:32].rstrip() for row in rows] == ["ours", "ours, with each scale"]
    found = np.array([numbers_of(row[32:]) for row in rows])
    assert found.shape == (2, 2)
    assert np.isfinite(found).all()


def test_a_prediction_has_every_kind_of_error():
    target = make_mask("tiny", 0)
    predictions = np.array([metrics.worsened(target, seed) for seed in range(8)])
    assert (target & ~predictions).any()
    assert (predictions & ~target).any()
    assert all((predictions & target).any(axis=(1, 2, 3)))
    np.testing.assert_array_equal(predictions[3], metrics.worsened(target, 3))


def test_the_plain_script_measures_what_ours_does():
    pytest.importorskip("sknw", reason="sknw is not installed: a peer of a benchmark")
    target = make_mask("tiny", 0)
    prediction = metrics.worsened(target, 0)
    plain = plain_evaluation.evaluate_plainly(prediction, target, SPACING_MM, "scikit-image")
    ours = evaluate_case(prediction, target, SPACING_MM, EvaluationSettings(measures=("overlap", "topology")))
    for name, other in (("dice", "dice"), ("jaccard", "jaccard"), ("precision", "precision")):
        assert plain[name] == pytest.approx(ours[other], abs=1e-6)
    for dimension in range(3):
        assert plain[f"betti_{dimension}_error"] == ours[f"betti{dimension}_error"]


def test_betti_numbers_by_labels_by_hand():
    ring = np.zeros((5, 7, 7), dtype=bool)
    ring[2, 1:6, 1:6] = True
    ring[2, 2:5, 2:5] = False
    shell = np.zeros((5, 7, 7), dtype=bool)
    shell[1:4, 1:4, 1:4] = True
    shell[2, 2, 2] = False
    assert plain_evaluation._betti_by_labels(ring) == (1, 1, 0)
    assert plain_evaluation._betti_by_labels(shell) == (1, 0, 1)


def test_betti_numbers_by_persistent_homology():
    pytest.importorskip("cripser", reason="cripser is not installed: a peer of a benchmark")
    target = make_mask("tiny", 0)
    assert plain_evaluation._betti_by_cripser(target)[0] >= 1


def test_a_graph_by_hand():
    pytest.importorskip("sknw", reason="sknw is not installed: a peer of a benchmark")
    skeleton = np.zeros((3, 9, 9), dtype=bool)
    skeleton[1, 4, :] = True
    skeleton[1, 5:, 4] = True
    length, bifurcations, ends = plain_evaluation._graph(skeleton, (1.0, 1.0, 1.0))
    assert (bifurcations, ends) == (1, 3)
    assert 9 < length < 13
