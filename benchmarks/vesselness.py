"""Vessels without learning: a smoothed intensity threshold, and Frangi's and Jerman's vesselness, tuned on labelled
images by their one best setting and threshold."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import hessian_matrix, hessian_matrix_eigvals
from skimage.filters import frangi

from benchmarks.threshold import dice_above

Volume = NDArray[np.float32]
CANDIDATES = 100
_SCALES_MM = ((1.0,), (1.0, 2.0), (1.0, 2.0, 3.0))
"""Each has those before it."""
_SMOOTHINGS_MM = (0.0, 0.5, 1.0, 1.5)
_TAUS = (0.5, 0.75, 1.0)


class Labelled(NamedTuple):
    """An image in HU, (*S), the organ in it, bool (*S), and its vessels, bool (*S); voxels of `step_mm` each way."""

    image: Volume
    organ: NDArray[np.bool_]
    vessels: NDArray[np.bool_]
    step_mm: float


class Response(NamedTuple):
    """How much like a vessel each voxel is by a filter, (*S), and the filter's setting in words."""

    setting: str
    values: Volume


class Tuned(NamedTuple):
    """A filter's setting and threshold, and their mean Dice where they were chosen."""

    setting: str
    threshold: float
    dice: float


def intensity(case: Labelled) -> Iterator[Response]:
    """HU over the organ's median, smoothed."""
    within = _organ_alone(case)
    for sigma in _SMOOTHINGS_MM:
        yield Response(f"smoothed by {sigma:g} mm", ndimage.gaussian_filter(within, sigma / case.step_mm))


def frangi_vesselness(case: Labelled) -> Iterator[Response]:
    """Frangi et al. 1998, as scikit-image has it; alpha and beta 0.5, gamma half the largest norm."""
    within = _organ_alone(case)
    at_scale = {
        sigma: frangi(within, sigmas=[sigma / case.step_mm], black_ridges=False).astype(np.float32)
        for sigma in _SCALES_MM[-1]
    }
    for scales in _SCALES_MM:
        yield Response(_in_words(scales), np.maximum.reduce([at_scale[sigma] for sigma in scales]))


def jerman_vesselness(case: Labelled) -> Iterator[Response]:
    """Jerman et al. 2016, equations 13 and 14, over eigenvalues of scikit-image's Hessian."""
    within = _organ_alone(case)
    eigenvalues = {sigma: _eigenvalues(within, sigma / case.step_mm) for sigma in _SCALES_MM[-1]}
    for tau in _TAUS:
        at_scale = {sigma: _jerman(middle, largest, tau) for sigma, (middle, largest) in eigenvalues.items()}
        for scales in _SCALES_MM:
            response = np.maximum.reduce([at_scale[sigma] for sigma in scales])
            yield Response(f"{_in_words(scales)}, tau {tau:g}", response)


FILTERS: dict[str, Callable[[Labelled], Iterator[Response]]] = {
    "intensity threshold": intensity,
    "Frangi": frangi_vesselness,
    "Jerman": jerman_vesselness,
}


def tune(name: str, cases: Sequence[Labelled]) -> Tuned:
    """The setting and threshold of a filter with the best mean Dice inside the organ over some cases."""
    answers = [{answer.setting: answer.values[case.organ] for answer in FILTERS[name](case)} for case in cases]
    best = Tuned("", 0.0, -1.0)
    for setting in answers[0]:
        pooled = np.concatenate([answer[setting] for answer in answers])
        # Vessels are the few highest: thresholds lie dense there.
        candidates = np.unique(np.quantile(pooled, 1 - np.geomspace(0.002, 0.3, CANDIDATES)))
        scores = [
            dice_above(answer[setting], case.vessels[case.organ], candidates)
            for answer, case in zip(answers, cases, strict=True)
        ]
        mean = np.mean(scores, axis=0)
        if mean.max() > best.dice:
            best = Tuned(setting, float(candidates[int(np.argmax(mean))]), float(mean.max()))
    return best


def vessels_by(name: str, tuned: Tuned, case: Labelled) -> NDArray[np.bool_]:
    """Vessels of a case by a filter as it was tuned; its own vessels are not looked at."""
    values = next(answer.values for answer in FILTERS[name](case) if answer.setting == tuned.setting)
    mask: NDArray[np.bool_] = (values >= tuned.threshold) & case.organ
    return mask


def _in_words(scales_mm: Sequence[float]) -> str:
    return f"scales {' '.join(f'{sigma:g}' for sigma in scales_mm)} mm"


def _organ_alone(case: Labelled) -> Volume:
    """HU over the organ's median, 0 outside: the organ's surface is no vessel."""
    return np.where(case.organ, case.image - np.median(case.image[case.organ]), 0).astype(np.float32)


def _eigenvalues(image: Volume, sigma: float) -> tuple[Volume, Volume]:
    """The middle and the largest eigenvalue of the negated Hessian, normalised by the scale."""
    hessian = hessian_matrix(image, sigma=sigma, use_gaussian_derivatives=False, mode="nearest")
    largest_first = hessian_matrix_eigvals([-(sigma**2) * part for part in hessian])
    # Of bright tubes the two of the cross-section are positive; the third, along the tube, is about 0.
    return largest_first[1].astype(np.float32), largest_first[0].astype(np.float32)


def _jerman(second: Volume, third: Volume, tau: float) -> Volume:
    """Response to the eigenvalues that the paper calls the second and the third, of the largest size."""
    highest = float(third.max())
    regular = np.where((third > 0) & (third <= tau * highest), tau * highest, np.maximum(third, 0))
    response = np.zeros(second.shape, np.float32)
    some = (second > 0) & (regular > 0)
    two, three = second[some], regular[some]
    response[some] = np.where(two >= three / 2, 1, two**2 * (three - two) * (3 / (two + three)) ** 3)
    return response
