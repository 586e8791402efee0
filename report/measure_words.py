"""Measures on a page: what they are called for short, how their values are written, and how bad a value is."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.metrics.families import FAMILIES
from ramify.metrics.settings import EvaluationSettings

_NAMES = {
    "fnr": "FNR",
    "fpr": "FPR",
    "cldice": "clDice",
    "dice": "Dice",
    "hd": "HD",
    "hd95": "HD95",
    "assd": "ASSD",
    "betti0": "β0",
    "betti1": "β1",
    "betti2": "β2",
    "euler": "Euler",
    "f1": "F1",
    "opt": "OPT",
    "j": "J",
}

Described = Mapping[str, Mapping[str, str]]
"""Measure name -> what `metrics.table.describe_measure` says of it."""


def short_name(measure: str) -> str:
    """`hd95_mm` -> HD95, `betti0_error` -> β0 error."""
    words = measure.removesuffix("_mm").split("_")
    words = [_NAMES.get(word, word) for word in words]
    return " ".join([words[0][:1].upper() + words[0][1:] if words[0] not in _NAMES.values() else words[0], *words[1:]])


def named_unit(measure: str, described: Described) -> str:
    """The short name with the unit behind it, where there is one."""
    unit = described.get(measure, {}).get("unit", "")
    return f"{short_name(measure)} ({unit})" if unit else short_name(measure)


def is_share(measure: str, described: Described) -> bool:
    """Whether its values run from 0 to 1."""
    return described.get(measure, {}).get("range") == "0 to 1"


def written(value: float | None, measure: str, described: Described) -> str:
    """A value with as many digits as mean something; a dash where there is none."""
    if value is None:
        return "–"
    if is_share(measure, described):
        return f"{value:.3f}"
    return f"{value:.0f}" if value == round(value) and not measure.endswith("_mm") else f"{value:.2f}"


def badness(value: float | None, measure: str, values: Sequence[float], described: Described) -> float:
    """0 for the best there can be, 1 for the worst there can be or, without bounds, the worst among `values`."""
    if value is None:
        return 0.0
    worst = 1.0 if is_share(measure, described) else max(values, default=0.0)
    share = value / worst if worst > 0 else 0.0
    return 1 - share if described.get(measure, {}).get("better") == "higher" else share


def by_family(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """The report's measures by family, in its order; those of no family come last, under `other`."""
    left = dict.fromkeys(report["measures"])
    groups: dict[str, list[str]] = {}
    told = report.get("settings", {})
    settings = EvaluationSettings.model_validate(
        {key: told[key] for key in EvaluationSettings.model_fields if key in told}
    )
    for name, family in FAMILIES.items():
        found = [measure.name for measure in family.measures(settings.of_family(name)) if measure.name in left]
        if found:
            groups[name] = found
        for measure in found:
            del left[measure]
    return groups | ({"other": list(left)} if left else {})
