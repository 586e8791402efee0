"""The linear probe: its optimum, balanced accuracy by hand, and that no patient is on both sides."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ramify.models.baselines import ResUNet
from ramify.training.level_features import Sample
from ramify.training.probe import (
    MOST_FITS,
    PENALTY,
    balanced_accuracy,
    cross_fitted,
    fit_linear_probe,
    probe_cases,
)


def blobs(seed: int, counts: tuple[int, ...] = (300, 60, 20), channels: int = 4) -> Sample:
    """Three classes of different sizes whose means lie one standard deviation apart, and a constant channel."""
    random = np.random.default_rng(seed)
    scales = np.repeat(np.arange(1, 1 + len(counts)), counts)
    features = random.normal(size=(len(scales), channels)) + np.eye(len(counts), channels)[scales - 1]
    features[:, -1] = 7.0
    return Sample(features, scales)


def test_the_probe_is_at_the_optimum_of_its_objective():
    """By torch's cross-entropy and autograd, independently of how it was found."""
    sample = blobs(0)
    probe = fit_linear_probe(sample)
    inputs = torch.tensor((sample.features - probe.mean) / probe.spread)
    weights = torch.tensor(probe.weights, requires_grad=True)
    logits = inputs @ weights[1:] + weights[0]
    of_classes = [
        torch.nn.functional.cross_entropy(logits[sample.scales == scale], torch.full((count,), scale - 1))
        for scale, count in ((1, 300), (2, 60), (3, 20))
    ]
    objective = torch.stack(of_classes).mean() + PENALTY / 2 * (weights[1:] ** 2).sum()
    (slope,) = torch.autograd.grad(objective, weights)
    assert slope.abs().max().item() < 1e-4
    assert objective.item() < np.log(3)


def test_the_same_sample_gives_the_same_probe():
    first, second = fit_linear_probe(blobs(0)), fit_linear_probe(blobs(0))
    assert np.array_equal(first.weights, second.weights)


def test_units_of_features_do_not_matter():
    sample = blobs(0)
    other = Sample(sample.features * np.array([1e3, 1e-3, 1.0, 1.0]) + 5.0, sample.scales)
    assert np.array_equal(
        fit_linear_probe(sample).predict(sample.features), fit_linear_probe(other).predict(other.features)
    )


@pytest.mark.parametrize("constant", [0.1, -0.1, 7.0, 0.0])
def test_the_rounding_of_a_constant_feature_is_not_scaled_up(constant):
    """0.1 is none in binary: its mean is off by a rounding, which is no spread."""
    sample = blobs(0)
    probe = fit_linear_probe(Sample(np.column_stack((sample.features, np.full(380, constant))), sample.scales))
    expected = fit_linear_probe(sample).predict(sample.features)
    for off in (-1e-3, 0.0, 1e-3):
        shifted = np.column_stack((sample.features, np.full(380, constant + off)))
        assert np.array_equal(probe.predict(shifted), expected)


def test_balanced_accuracy_by_hand():
    assert balanced_accuracy((1.0, 0.5, 0.0)) == pytest.approx(0.5)
    assert balanced_accuracy((1.0, None, 0.0)) is None
    assert balanced_accuracy(()) is None


def test_recalls_are_of_each_scale():
    easy = Sample(np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([1, 1, 2, 2]))
    half = Sample(np.array([[0.0], [5.0], [5.0]]), np.array([1, 1, 2]))
    lacking = Sample(np.array([[5.0]]), np.array([2]))
    found = cross_fitted({"a": easy, "b": easy, "c": half, "d": lacking}, {}, 2)
    assert found == {"a": (1.0, 1.0), "b": (1.0, 1.0), "c": (0.5, 1.0), "d": (None, 1.0)}


def test_no_patient_is_on_both_sides():
    """What tells the scales apart is reversed between two patients: fitted on the other one, all is told wrong."""
    one = Sample(np.array([[0.0], [1.0]]), np.array([1, 2]))
    other = Sample(np.array([[0.0], [1.0]]), np.array([2, 1]))
    patients = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    found = cross_fitted({"a1": one, "b1": other, "a2": one, "b2": other}, patients, 2)
    assert list(found) == ["a1", "b1", "a2", "b2"]
    assert set(found.values()) == {(0.0, 0.0)}


def test_features_that_say_nothing_are_at_chance():
    random = np.random.default_rng(0)
    scales = np.repeat([1, 2, 3], [3000, 600, 600])
    samples = {f"case_{n}": Sample(random.normal(size=(4200, 3)), scales) for n in range(2 * MOST_FITS)}
    values = [balanced_accuracy(recalls) for recalls in cross_fitted(samples, {}, 3).values()]
    assert np.mean(values) == pytest.approx(1 / 3, abs=0.02)


def test_what_cannot_be_probed():
    with pytest.raises(ValueError, match="here is 1; take fewer folds"):
        cross_fitted({"a": blobs(0), "b": blobs(1)}, {"a": "p", "b": "p"}, 3)
    nothing = Sample(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ValueError, match="held-out patients with vessels"):
        cross_fitted({"a": nothing, "b": nothing}, {}, 3)
    with pytest.raises(ValueError, match="a probe tells scales apart, and the cases have one"):
        cross_fitted({"a": blobs(0, (9,)), "b": blobs(1, (9,))}, {}, 1)


def test_cases_of_a_store(tiny_cases: Path):
    """A bright cross in noise, its arms two scales; an untrained network's mode is left as it was."""
    network = ResUNet(levels=1, base_channels=4, ndim=3).train()
    names = ["main_decoder.0", "surroundings"]
    cases = [f"case_{number}" for number in range(4)]
    found = probe_cases(network, tiny_cases, cases, names, 2)
    assert network.training
    assert list(found) == names
    assert list(found["surroundings"]) == cases
    # The small scale is two voxels wide and the large one three, in a plane: means of boxes tell them apart.
    assert all((balanced_accuracy(recalls) or 0.0) > 0.8 for recalls in found["surroundings"].values())
    assert probe_cases(network, tiny_cases, cases, names, 2) == found
