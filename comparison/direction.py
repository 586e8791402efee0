"""Which direction of a measure is better, and how high it can be: as the results say, or as this project has it."""

import difflib
import math
from collections.abc import Iterable, Sequence
from functools import cache

from ramify.comparison.measured import Ranges
from ramify.comparison.results import Variant
from ramify.comparison.settings import USUAL_MEASURES
from ramify.comparison.verdict import Better
from ramify.comparison.wording import OF_COMPARE, Wording

ALL = "all"


def chosen_measures(asked: Sequence[str], variants: Sequence[Variant], wording: Wording = OF_COMPARE) -> list[str]:
    """The measures to compare: those asked for, `all` that every run has, or else the usual ones of these.

    Raises:
        ValueError: a measure that not every run has, with the near miss; one named twice; no measure at all.
    """
    shared = [name for name in variants[0].measures if all(name in variant.measures for variant in variants)]
    if not shared:
        raise ValueError(f"{wording.results}the files have no measure in common; evaluate all with the same settings")
    if list(asked) == [ALL]:
        return shared
    if not asked:
        return [name for name in USUAL_MEASURES if name in shared] or shared
    for name in asked:
        if name not in shared:
            raise ValueError(f"{wording.measures} {name}: {_why_not(name, shared, variants)}")
        if list(asked).count(name) > 1:
            raise ValueError(f"{wording.measures} {name}: named twice; Holm's adjustment would count it twice")
    return list(asked)


def measures_of_classes(classes: Sequence[str], asked: Sequence[str], variants: Sequence[Variant]) -> list[str]:
    """The measures of some classes or regions of label maps, as `chosen_measures` takes them: `portal.dice`.

    Args:
        classes: their names; none leaves the measures as they are.
        asked: measures without a class; `all`, or none for the usual ones.
        variants: the results.

    Raises:
        ValueError: a class that the files lack.

    Examples:
        >>> from ramify.comparison.direction import measures_of_classes
        >>> from ramify.comparison.results import RunResults, Variant
        >>> plain = Variant("plain", (RunResults({"a": {"portal.dice": 0.8, "portal.fnr": 0.1, "dice": 0.7}}),))
        >>> measures_of_classes(["portal"], [], [plain]), measures_of_classes(["portal"], ["fnr"], [plain])
        (['portal.dice'], ['portal.fnr'])
    """
    if not classes:
        return list(asked)
    shared = [name for name in variants[0].measures if all(name in variant.measures for variant in variants)]
    chosen = []
    for one in classes:
        of_class = [name.removeprefix(f"{one}.") for name in shared if name.startswith(f"{one}.")]
        if not of_class:
            known = dict.fromkeys(name.rpartition(".")[0] for name in shared if "." in name)
            there_are = f"there are {', '.join(known)}" if known else "the files have none; evaluate.py --classes"
            raise ValueError(f"--classes {one}: no such class or region in all files; {there_are}")
        its = of_class if list(asked) == [ALL] else list(asked) or [name for name in USUAL_MEASURES if name in of_class]
        chosen += [f"{one}.{name}" for name in its or of_class]
    return chosen


def _why_not(name: str, shared: Sequence[str], variants: Sequence[Variant]) -> str:
    lacking = [variant.name for variant in variants if name not in variant.measures]
    if len(lacking) < len(variants):
        return f"{', '.join(lacking)} lacks it in some or all of its files; evaluate again with the same settings"
    near = difflib.get_close_matches(name, shared, n=1, cutoff=0.5)
    return f"no such measure; did you mean {near[0]}?" if near else f"no such measure; there are {', '.join(shared)}"


def direction_of(measure: str, variants: Iterable[Variant]) -> Better | None:
    """Which direction is better; None for a measure that neither the results nor this project know.

    A measure of one class or group (`portal.dice`) has the direction of the measure.
    """
    name = measure.rpartition(".")[2]
    for variant in variants:
        for run in variant.runs:
            told = run.report.get("measures")
            for key in (measure, name):
                if (
                    isinstance(told, dict)
                    and isinstance(told.get(key), dict)
                    and told[key].get("better") in ("higher", "lower")
                ):
                    better: Better = told[key]["better"]
                    return better
    return _own_directions().get(name)


def highest_of(measure: str, variants: Iterable[Variant]) -> float:
    """The most that a measure can be, as the results say or this project has it; inf without a bound, or if unknown."""
    name = measure.rpartition(".")[2]
    for variant in variants:
        for run in variant.runs:
            if (highest := Ranges(run.report.get("measures")).highest(name)) is not None:
                return highest
    return math.inf


@cache
def _own_directions() -> dict[str, Better]:
    # Results that say it themselves, as those of evaluate.py do, need none of the measuring code and its imports.
    from ramify.metrics.families import measures_of
    from ramify.metrics.settings import EvaluationSettings

    return {measure.name: measure.better for measure in measures_of(EvaluationSettings())}
