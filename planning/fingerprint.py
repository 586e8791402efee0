"""The fingerprint of a data set: spacings, sizes, grey values and calibres of its vessels, case by case.

Lengths are in mm along the patient's z, y, x (2D: the image's y, x).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, model_validator

PERCENTILES = (0.5, 5.0, 25.0, 50.0, 75.0, 95.0, 99.5)
"""Of grey values."""
POINTS = 200
"""Quantiles of a case's calibres, the middles of as many equal parts of its length."""
TOLD = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the calibres of all cases that are told, letter values among them."""


class Greys(BaseModel, frozen=True):
    """Grey values of some voxels: mean, standard deviation and PERCENTILES."""

    mean: float
    deviation: float
    percentiles: tuple[float, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Of values (N,), one at least."""
        exact = values.astype(np.float64)
        found = np.percentile(exact, PERCENTILES)
        return cls(mean=_short(exact.mean()), deviation=_short(exact.std()), percentiles=tuple(map(_short, found)))


class ChannelGreys(BaseModel, frozen=True):
    """A channel of an image: its least and greatest value, and those of vessels and of what lies around them in the
    organ; None where there is none of these."""

    lowest: float
    highest: float
    vessels: Greys | None
    around: Greys | None


class Calibres(BaseModel, frozen=True):
    """How thick the vessels of a case are along their centrelines.

    length_mm: of all centrelines. diameters_mm: POINTS quantiles by length, rising; nothing without vessels.
    """

    length_mm: float
    diameters_mm: tuple[float, ...]

    @classmethod
    def of(cls, diameters_mm: NDArray[np.float64], lengths_mm: NDArray[np.float64]) -> Self:
        """Of points (N,) on centrelines: how thick the vessel is there, and the length that each stands for."""
        counts = lengths_mm > 0
        diameters_mm, lengths_mm = diameters_mm[counts], lengths_mm[counts]
        if not len(diameters_mm):
            return cls(length_mm=0.0, diameters_mm=())
        found = _quantiles(diameters_mm, lengths_mm, (np.arange(POINTS) + 0.5) / POINTS)
        return cls(length_mm=_short(lengths_mm.sum()), diameters_mm=tuple(map(_short, found)))

    def share_thinner(self, than_mm: float) -> float:
        """Share of the length where a vessel is thinner."""
        return float(np.mean(np.asarray(self.diameters_mm) < than_mm)) if self.diameters_mm else 0.0


class CaseFingerprint(BaseModel, frozen=True):
    """A case as its files have it, its axes turned to the patient's.

    shape, box: voxels of the whole, and of the organ's bounding box with its margin (the whole without an organ).
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    has_organ: bool
    box: tuple[int, ...]
    channels: dict[str, ChannelGreys]
    calibres: Calibres


class Fingerprint(BaseModel, frozen=True):
    """All cases of a data set by name; one at least, all of one number of axes."""

    cases: dict[str, CaseFingerprint]

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if len({len(case.shape) for case in self.cases.values()}) != 1:
            raise ValueError("expected cases, all of 2 or all of 3 axes; keep others in a data set of their own")
        return self

    @property
    def ndim(self) -> int:
        """Axes of its images."""
        return len(next(iter(self.cases.values())).shape)

    @property
    def spacings_mm(self) -> NDArray[np.float64]:
        """Of every case, (N, ndim)."""
        return np.array([case.spacing_mm for case in self.cases.values()])

    def share_thinner(self, than_mm: float) -> float:
        """Share of the length of all vessels where they are thinner."""
        lengths = np.array([case.calibres.length_mm for case in self.cases.values()])
        shares = np.array([case.calibres.share_thinner(than_mm) for case in self.cases.values()])
        return float((lengths * shares).sum() / lengths.sum()) if lengths.sum() > 0 else 0.0

    def diameters_mm(self, quantiles: Sequence[float]) -> list[float]:
        """Quantiles by length of how thick the vessels of all cases are; nothing without vessels."""
        of_cases = [case.calibres for case in self.cases.values() if case.calibres.diameters_mm]
        if not of_cases:
            return []
        diameters = np.concatenate([its.diameters_mm for its in of_cases])
        lengths = np.concatenate([[its.length_mm / POINTS] * POINTS for its in of_cases])
        return _quantiles(diameters, lengths, quantiles)

    def summary(self) -> dict[str, Any]:
        """Over all cases, as plain data: medians, ranges, and calibres in mm and in voxels of the median spacing."""
        cases = list(self.cases.values())
        spacing = np.median(self.spacings_mm, axis=0)
        diameters, side = self.diameters_mm(TOLD), mean_side(spacing.tolist())
        keys = [f"{quantile:g}" for quantile in TOLD]
        return {
            "cases": len(cases),
            "spacing_mm": _spread([case.spacing_mm for case in cases]),
            "shape": _spread([case.shape for case in cases]),
            "box": _spread([case.box for case in cases]),
            "organ": sum(case.has_organ for case in cases),
            "vessels": {
                "length_mm": _short(sum(case.calibres.length_mm for case in cases)),
                "diameter_mm": dict(zip(keys, map(_short, diameters))),
                "diameter_voxels": dict(zip(keys, (_short(value / side) for value in diameters))),
                "share_thinner_than_1.5_voxels": _short(self.share_thinner(1.5 * side)),
            },
            "greys": {name: self._greys(name) for name in cases[0].channels},
        }

    def _greys(self, channel: str) -> dict[str, Any]:
        """Of a channel's vessels and their surroundings, medians over the cases that have some."""
        of_cases = [case.channels[channel] for case in self.cases.values() if channel in case.channels]
        parts = {"vessels": [its.vessels for its in of_cases], "around": [its.around for its in of_cases]}
        return {name: median_greys(its).model_dump() for name, its in parts.items() if any(its)}

    def as_json(self) -> dict[str, Any]:
        """The summary, and every case."""
        return {"summary": self.summary(), "cases": self.model_dump(mode="json")["cases"]}

    def lines(self) -> list[str]:
        """What a person reads of it."""
        its = self.summary()
        lines = [
            f"spacing:  median {_by(its['spacing_mm']['median'])} mm{_range(its['spacing_mm'])}",
            f"size:     median {_by(its['shape']['median'])} voxels, of the box {_by(its['box']['median'])}",
        ]
        if of_mm := list(its["vessels"]["diameter_mm"].values()):
            told = ", ".join(f"{value:.3g}" for value in of_mm)
            thinnest, *_, thickest = its["vessels"]["diameter_voxels"].values()
            thin = 100 * its["vessels"]["share_thinner_than_1.5_voxels"]
            lines.append(
                f"calibres: {told} mm (5, 25, 50, 75 and 95 % of the length), {thinnest:.2g} to {thickest:.2g} voxels; "
                f"{thin:.1f} % of the length is thinner than 1.5 voxels"
            )
        return lines


def median_greys(of_cases: Sequence[Greys | None]) -> Greys:
    """Each number's median over the cases that have some, one at least."""
    there = [its for its in of_cases if its is not None]
    return Greys(
        mean=_short(np.median([its.mean for its in there])),
        deviation=_short(np.median([its.deviation for its in there])),
        percentiles=tuple(map(_short, np.median([its.percentiles for its in there], axis=0))),
    )


def mean_side(spacing_mm: Sequence[float]) -> float:
    """Side in mm of the cube (2D: the square) as large as a voxel: what a vessel of any direction is measured by."""
    return float(np.prod(spacing_mm) ** (1 / len(spacing_mm)))


def _quantiles(
    diameters: NDArray[np.float64], lengths: NDArray[np.float64], quantiles: NDArray[np.float64] | Sequence[float]
) -> list[float]:
    """The diameters (N,) up to which such shares of the length (N,) are, each one that there is."""
    order = np.argsort(diameters)
    reach = np.cumsum(lengths[order]) / lengths.sum()
    at = np.minimum(np.searchsorted(reach, quantiles), len(order) - 1)
    return [float(value) for value in diameters[order][at]]


def _spread(rows: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    array = np.array(rows, dtype=np.float64)
    parts: Mapping[str, NDArray[np.float64]] = {
        "median": np.median(array, axis=0),
        "least": array.min(axis=0),
        "most": array.max(axis=0),
    }
    return {name: [_short(value) for value in values] for name, values in parts.items()}


def _range(spread: Mapping[str, Sequence[float]]) -> str:
    same = spread["least"] == spread["most"]
    return "" if same else f" ({_by(spread['least'])} to {_by(spread['most'])})"


def _by(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)


def _short(value: float) -> float:
    """With six digits: what is read by people, and the same on every machine."""
    return float(f"{float(value):.6g}")
