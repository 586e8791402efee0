"""A linear probe: whether the scale of a vessel can be read from features that no scale's task was trained on.

Features of held-out cases are frozen, a multinomial logistic regression tells the scale from them, and it is tested on
cases it was not fitted on. A linear reader can use only what the features spell out (Alain and Bengio 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from ramify.data.case_store import read_case
from ramify.data.folds import make_folds
from ramify.models.build import build_inference_network, place_network
from ramify.models.network import Network
from ramify.models.settings import ModelSettings
from ramify.training.checkpoint import load_checkpoint
from ramify.training.device import choose_device
from ramify.training.level_features import Sample, check_features, sample_levels
from ramify.training.names import DeviceName
from ramify.training.runner import evaluating
from ramify.training.settings import RunSettings
from ramify.training.trained_network import network_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Recalls = tuple[float | None, ...]
"""Share of a case's positions of each scale, smallest first, that was told right; None of a scale it does not have."""

PENALTY = 1e-3
"""Of the squared weights, over 2, beside the mean cross-entropy of standardised features."""
LEAST_SPREAD = 1e-6
"""Of a feature's largest magnitude: float32 values that vary less differ by their rounding, and are not scaled up."""
MOST_FITS = 5
"""Groups of patients that are left out in turn, at most."""


@dataclass(frozen=True)
class LinearProbe:
    """A fitted multinomial logistic regression.

    mean, spread: of the features it was fitted on (C,). weights: (1 + C, K), the intercept first. classes: (K,).
    """

    mean: FloatArray
    spread: FloatArray
    weights: FloatArray
    classes: IntArray

    def predict(self, features: FloatArray) -> IntArray:
        """The likeliest class (N,) of features (N, C)."""
        likeliest: IntArray = self.classes[(_with_intercept(features, self) @ self.weights).argmax(axis=1)]
        return likeliest


def fit_linear_probe(sample: Sample) -> LinearProbe:
    """Multinomial logistic regression in which every class counts alike, by L-BFGS from zeros.

    Minimises the mean over classes of their mean cross-entropy, plus PENALTY / 2 times the squared weights (the
    intercepts free) of features with mean 0 and standard deviation 1; constant ones are only centred. The problem is
    convex and starts at zeros: the same sample gives the same probe.

    Examples:
        >>> import numpy as np
        >>> from ramify.training.level_features import Sample
        >>> from ramify.training.probe import fit_linear_probe
        >>> radii = np.array([[1.0], [1.2], [3.0], [3.1]])
        >>> probe = fit_linear_probe(Sample(radii, np.array([1, 1, 2, 2])))
        >>> probe.predict(np.array([[0.9], [2.9]])).tolist()
        [1, 2]
    """
    classes, index, counts = np.unique(sample.scales, return_inverse=True, return_counts=True)
    spread = sample.features.std(axis=0)
    varies = spread > LEAST_SPREAD * np.abs(sample.features).max(axis=0)
    start = np.zeros((1 + sample.features.shape[1], len(classes)))
    probe = LinearProbe(sample.features.mean(axis=0), np.where(varies, spread, 1.0), start, classes)
    inputs = _with_intercept(sample.features, probe)
    share = 1.0 / (len(classes) * counts[index])
    targets = np.eye(len(classes))[index]

    def loss_and_gradient(flat: FloatArray) -> tuple[float, FloatArray]:
        weights = flat.reshape(start.shape)
        log_p = log_softmax(inputs @ weights, axis=1)
        free_intercept = weights.copy()
        free_intercept[0] = 0.0
        loss = -(share * (log_p * targets).sum(axis=1)).sum() + PENALTY / 2.0 * (free_intercept**2).sum()
        slope = inputs.T @ (share[:, None] * (np.exp(log_p) - targets)) + PENALTY * free_intercept
        return float(loss), slope.ravel()

    fitted = minimize(loss_and_gradient, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    return LinearProbe(probe.mean, probe.spread, fitted.x.reshape(start.shape), classes)


def balanced_accuracy(recalls: Recalls) -> float | None:
    """Mean of the scales' recalls, chance being 1 / S; None where the case lacks a scale.

    Examples:
        >>> from ramify.training.probe import balanced_accuracy
        >>> balanced_accuracy((0.5, 1.0)), balanced_accuracy((None, 1.0))
        (0.75, None)
    """
    known = [recall for recall in recalls if recall is not None]
    return float(np.mean(known)) if len(known) == len(recalls) > 0 else None


def cross_fitted(samples: Mapping[str, Sample], patient_of: Mapping[str, str], n_scales: int) -> dict[str, Recalls]:
    """The recalls of each case by a probe fitted on cases of other patients.

    Patients are parted into MOST_FITS groups, or each by itself where there are fewer; each group is tested by the
    probe of the others.

    Raises ValueError where there is one scale, all cases are one patient's, or none holds a vessel.
    """
    _check_scales(n_scales)
    patients = {case: patient_of.get(case, case) for case in samples}
    count = len(set(patients.values()))
    if count < 2:
        raise ValueError(
            f"a probe is fitted on some held-out patients and tested on others, and here is {count}; "
            "take fewer folds, so that each holds out two patients at least"
        )
    found: dict[str, Recalls] = {}
    for fold in make_folds(patients, min(MOST_FITS, count), seed=0):
        together = Sample(*(np.concatenate(parts) for parts in zip(*(samples[case] for case in fold["train"]))))
        if not len(together.scales):
            raise ValueError("a probe needs held-out patients with vessels; take other folds")
        probe = fit_linear_probe(together)
        found |= {case: _recalls(probe, samples[case], n_scales) for case in fold["val"]}
    return {case: found[case] for case in samples}


def check_probe(names: Sequence[str], model: ModelSettings, n_scales: int, ndim: int) -> None:
    """Raise ValueError for features that a network of these settings does not have, and for a single scale."""
    _check_scales(n_scales)
    check_features(names, build_inference_network(model, 1, n_scales, ndim))


def probe_checkpoint(
    checkpoint: Path,
    store: Path,
    case_ids: Sequence[str],
    names: Sequence[str],
    device: DeviceName = "auto",
    *,
    trained: bool = True,
) -> dict[str, dict[str, Recalls]]:
    """`probe_cases` with the network of a checkpoint, in windows as its inference has them.

    trained: its own weights; otherwise fresh ones, the same at every call: what features are worth that learned
        nothing.

    Raises ValueError or OSError where the checkpoint or a case cannot be read, or as `probe_cases`.
    """
    state = load_checkpoint(checkpoint)
    settings = RunSettings.model_validate(state["config"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = network_of(state, settings, trained=trained)
    window = settings.inference.window or settings.loading.patch_size
    network = place_network(network, choose_device(device))
    return probe_cases(network, store, case_ids, names, state["network"]["scales"], window)


def probe_cases(
    network: Network,
    store: Path,
    case_ids: Sequence[str],
    names: Sequence[str],
    n_scales: int,
    window: Sequence[int] | None = None,
) -> dict[str, dict[str, Recalls]]:
    """How well the scale can be read from each kind of features, case by case.

    Args:
        network: on any device; used in evaluation mode.
        store: prepared cases. case_ids: those to fit on and test on, which the network has not seen.
        names: levels of the network and features of the image, see `sample_levels`.
        n_scales: number of scales S. window: see `sample_levels`.

    Returns:
        name -> case -> recalls, see `cross_fitted`; errors as there and in `sample_levels`.
    """
    device = next(network.parameters()).device
    samples: dict[str, dict[str, Sample]] = {name: {} for name in names}
    patient_of = {}
    with evaluating(network):
        for case_id in case_ids:
            case = read_case(store, case_id)
            patient_of[case_id] = str(case.record.get("patient_id") or case_id)
            image, scale_map = (np.asarray(case.arrays[name]) for name in ("image", "scales"))
            for name, sample in sample_levels(network, image, scale_map, names, n_scales, window, device).items():
                samples[name][case_id] = sample
    return {name: cross_fitted(of_cases, patient_of, n_scales) for name, of_cases in samples.items()}


def _check_scales(n_scales: int) -> None:
    if n_scales < 2:
        raise ValueError(
            "a probe tells scales apart, and the cases have one; prepare them with several, or leave it out"
        )


def _with_intercept(features: FloatArray, probe: LinearProbe) -> FloatArray:
    """Standardised features, a column of ones before them (N, 1 + C)."""
    standardised = (features - probe.mean) / probe.spread
    return np.concatenate((np.ones((len(features), 1)), standardised), axis=1)


def _recalls(probe: LinearProbe, sample: Sample, n_scales: int) -> Recalls:
    right = probe.predict(sample.features) == sample.scales
    of_scales = [right[sample.scales == scale] for scale in range(1, 1 + n_scales)]
    return tuple(float(each.mean()) if len(each) else None for each in of_scales)
