"""What grey values the vessels of a data set have: the numbers of `intensity.method foreground`.

They are found before a case is prepared. As in nnU-Net, every case with vessels counts alike, however many voxels it
has. What was found of a case is kept in the store, so that a pass that was interrupted goes on, and one over the same
files reads none of them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from ramify.console.alike import naming_case
from ramify.console.error_line import line_of
from ramify.data.adapters.base import Adapter
from ramify.data.case_record import digest_of
from ramify.data.raw_case import RawCase
from ramify.disk.json_files import read_json, write_json
from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.intensity import IntensitySettings, Numbers
from ramify.preprocessing.organ_parts import main_parts
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.processes.crew import Crew

FOREGROUND_FILE = "foreground.json"
"""In the store: what was found of each case."""
BOUNDS = (0.005, 0.995)
"""Quantiles of the vessels' grey values that are the bounds, those of nnU-Net."""
_POINTS = 1000
_DIGITS = 6


class GreyValues(BaseModel, frozen=True):
    """Grey values of a case's vessels in one channel: mean, deviation, and _POINTS evenly spaced quantiles."""

    mean: float
    deviation: float
    quantiles: tuple[float, ...]


class Found(BaseModel, frozen=True):
    """What was found of a case: by channel that asks, None without vessels. key: of what it was made from. error: why
    nothing was."""

    case_id: str
    key: str = ""
    channels: dict[str, GreyValues | None] = {}
    error: str | None = None


@dataclass(frozen=True)
class ForegroundWork:
    """Everything a worker needs to look at a case."""

    settings: PreprocessingSettings
    shaping: str
    """A fingerprint of all settings."""

    def do(self, reader: CaseReader, case_id: str) -> Found:
        """Look at a case; bad input becomes the error."""
        try:
            key = self.key(reader.adapter, case_id)
            return Found(case_id=case_id, key=key, channels=look_at(reader.read(case_id), self.settings))
        except (ValueError, OSError, MemoryError) as error:
            text = line_of(error) or "out of memory; use fewer --workers"
            return Found(case_id=case_id, error=naming_case(case_id, text))

    def key(self, adapter: Adapter, case_id: str) -> str:
        """A fingerprint of all that shapes what is found of a case, without reading it; raises as `sources`."""
        sources = adapter.sources(case_id)
        return digest_of([self.shaping, dict(sources.settings), sources.stamps()])

    def known_before(self, adapter: Adapter, store: Path, case_ids: Sequence[str]) -> list[Found]:
        """What is kept in a store of cases whose files and settings are as they were when they were looked at."""
        try:
            kept = [Found.model_validate(one) for one in read_json(store / FOREGROUND_FILE)["cases"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        known = {one.case_id: one for one in kept}
        has = [case_id for case_id in case_ids if case_id in known]
        return [known[case_id] for case_id in has if known[case_id].key == self._key(adapter, case_id)]

    def _key(self, adapter: Adapter, case_id: str) -> str | None:
        """None where something is missing, which looking at the case will tell."""
        try:
            return self.key(adapter, case_id)
        except (ValueError, OSError):
            return None


def lacks_numbers(settings: PreprocessingSettings) -> bool:
    """Whether the cases have to be looked at before one of them is prepared."""
    return any(rule.lacks_numbers for rule in (settings.intensity, *settings.channels.values()))


def look_at(raw: RawCase, settings: PreprocessingSettings) -> dict[str, GreyValues | None]:
    """Grey values of a case's vessels, in the organ where they are cut to it, in each channel that asks for them.

    None where it has no vessels.
    """
    vessels = raw.vessels.array
    if raw.organ is not None and settings.restrict_to_organ:
        vessels = vessels & main_parts(raw.organ, settings.least_organ_part).array
    lacking = [name for name, rule in settings.rules(raw.images).items() if rule.lacks_numbers]
    return {name: describe(raw.images[name].array[vessels]) if vessels.any() else None for name in lacking}


def describe(values: NDArray[Any]) -> GreyValues:
    """Mean, deviation and quantiles of some grey values (N,), one at least."""
    exact = values.astype(np.float64)
    # The middles of as many equal parts, and values that there are: of a few, each comes as often as it is there.
    quantiles = np.quantile(exact, (np.arange(_POINTS) + 0.5) / _POINTS, method="inverted_cdf")
    return GreyValues(mean=float(exact.mean()), deviation=float(exact.std()), quantiles=tuple(quantiles.tolist()))


def numbers_of(of_cases: Sequence[GreyValues]) -> Numbers:
    """Lower and upper bound, mean and deviation over some cases that count alike.

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing.foreground import describe, numbers_of
        >>> numbers_of([describe(np.array([90, 110])), describe(np.full(1000, 200))])
        (90.0, 200.0, 150.0, 50.4975)
    """
    points = np.concatenate([np.asarray(its.quantiles) for its in of_cases])
    mean = float(np.mean([its.mean for its in of_cases]))
    deviation = math.sqrt(np.mean([its.deviation**2 + (its.mean - mean) ** 2 for its in of_cases]))
    lower, upper = np.quantile(points, BOUNDS)
    # As many digits as anyone types who gives them to another store.
    lower, upper, mean, deviation = (float(f"{value:.{_DIGITS}g}") for value in (lower, upper, mean, deviation))
    return lower, upper, mean, deviation


def look_at_cases(
    crew: Crew[CaseReader], work: ForegroundWork, store: Path, case_ids: Sequence[str], before: Sequence[Found]
) -> Iterator[Found]:
    """Look at the cases that are not among those known before; what is known by then is kept in the store."""
    known = list(before)
    left = [case_id for case_id in case_ids if case_id not in {one.case_id for one in known}]
    for found in crew.reports(work.do, left, _lost):
        if not found.error:
            known.append(found)
            write_json(store / FOREGROUND_FILE, {"cases": [one.model_dump() for one in known]})
        yield found


def with_numbers(settings: PreprocessingSettings, found: Sequence[Found]) -> PreprocessingSettings:
    """The settings with the numbers of every channel that asks for some.

    Raises ValueError where no case has a vessel, or all vessels have one grey value.
    """
    found = sorted(found, key=lambda one: one.case_id)
    names = {name: None for one in found for name in one.channels}
    channels: dict[str, IntensitySettings] = dict(settings.channels)
    for name in names:
        of_cases = [its for one in found if (its := one.channels.get(name)) is not None]
        if not of_cases:
            raise ValueError(
                f"channel {name}: no case has a vessel, whose grey values the method foreground takes; choose another "
                "--preprocessing.intensity.method"
            )
        numbers, rule = numbers_of(of_cases), channels.get(name, settings.intensity)
        try:
            channels[name] = IntensitySettings(**{**dict(rule), "foreground": numbers})
        except ValidationError:
            raise ValueError(
                f"channel {name}: the vessels of all cases have one grey value, {numbers[2]:g}, which is no foreground "
                "to scale by; choose another --preprocessing.intensity.method"
            ) from None
    return settings.model_copy(update={"channels": channels})


def _lost(case_id: str, how: str) -> Found:
    return Found(case_id=case_id, error=f"case {case_id}: {how}")


def with_numbers_of_store(kept: Mapping[str, Any] | None, wanted: PreprocessingSettings) -> PreprocessingSettings:
    """The settings with the numbers of a store that was begun before, in every channel that asks for some by its rule.

    kept: the preprocessing of the store, as plain data.
    """
    try:
        before = PreprocessingSettings.model_validate(kept)
    except ValidationError:
        return wanted
    same = {
        name: rule
        for name, rule in before.channels.items()
        if rule.model_copy(update={"foreground": None}) == wanted.channels.get(name, wanted.intensity)
    }
    return wanted.model_copy(update={"channels": {**wanted.channels, **same}})


def changed_numbers(kept: Mapping[str, Any] | None, wanted: PreprocessingSettings) -> str | None:
    """A line where a store was begun with other numbers, and nothing else of its preprocessing differs.

    kept: the preprocessing of the store, as plain data.
    """
    try:
        before = PreprocessingSettings.model_validate(kept)
    except ValidationError:
        return None
    if _without_numbers(before) != _without_numbers(wanted):
        return None
    for name, rule in wanted.channels.items():
        if (old := before.channels[name].foreground) != rule.foreground:
            given = ", ".join(f"{value:g}" for value in old or ())
            return (
                f"the vessels of all cases have other grey values than when this store was begun (channel {name}: "
                f"{old}, now {rule.foreground}), as cases came, went or were corrected; remove the store to prepare "
                f"all cases anew, or keep its numbers with preprocessing.channels in a --config: {name}: {{method: "
                f"foreground, foreground: [{given}]}}"
            )
    return None


def _without_numbers(settings: PreprocessingSettings) -> dict[str, Any]:
    plain = settings.model_dump(mode="json")
    plain["channels"] = {name: {**its, "foreground": None} for name, its in plain["channels"].items()}
    return plain
