"""Which values of two variants make pairs: the same cases, one value a case however many seeds, independent units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from experiments.results import Variant

Unit = Literal["case", "fold", "patient"]
MOST_NAMED = 12


@dataclass(frozen=True)
class Pairing:
    """The cases that variants are compared on.

    unit_of: compared case -> the unit whose value is one of a pair: the case itself, its fold or its patient.
    left_out: case id -> why it is not compared.
    folds: how many sets of cases the runs tell apart, in all variants alike; None where the variants differ in it.
    """

    unit: Unit
    unit_of: Mapping[str, str]
    left_out: Mapping[str, str]
    folds: int | None


@dataclass(frozen=True)
class PairedValues:
    """The values of a variant and of the reference, a pair at each place.

    units: what each pair is of.
    undefined: case id -> the variants for which the measure has no value there; it makes no pair.
    """

    units: tuple[str, ...]
    values: tuple[float, ...]
    reference: tuple[float, ...]
    undefined: Mapping[str, tuple[str, ...]]


def pair_cases(
    variants: Sequence[Variant], common: bool = False, unit: Unit = "case", patient_of: Mapping[str, str] | None = None
) -> Pairing:
    """The cases that all variants have, each with the unit it belongs to.

    Args:
        variants: at least two, of different names.
        common: leave out the cases that some variant lacks or failed on, instead of refusing them.
        unit: what a pair is; the cases of a fold or patient are averaged first.
        patient_of: case id -> patient, for unit "patient".

    Raises:
        ValueError: fewer than two variants, a case that one lacks or failed on (without `common`), no case in common,
            or units that cannot be told.
    """
    if len(variants) < 2:
        only = f"{variants[0].name} alone" if variants else "none"
        raise ValueError(f"--results: expected at least two names to compare, got {only}; add NAME=FILE")
    left_out = _not_shared(variants)
    in_order = dict.fromkeys(case_id for run in variants[0].runs for case_id in run.rows)
    shared = [case_id for case_id in in_order if case_id not in left_out]
    if left_out and not common:
        raise ValueError(_refusal(variants, len(shared)))
    if not shared:
        raise ValueError(f"--results: {_some(v.name for v in variants)} have no evaluated case in common")
    folds = _folds(variants, shared)
    return Pairing(unit, _units(unit, shared, folds, patient_of), left_out, len(folds) if folds else None)


def paired_values(variant: Variant, reference: Variant, pairing: Pairing, measure: str) -> PairedValues:
    """The pairs of one measure: the mean over a case's runs (its seeds), then over the cases of a unit.

    A case for which any run of either variant leaves the measure undefined makes no pair, and is told: a mean over
    the other runs would be of something else.
    """
    undefined: dict[str, tuple[str, ...]] = {}
    of_unit: dict[str, list[tuple[float, float]]] = {}
    for case_id, unit in pairing.unit_of.items():
        value, other = _mean_of_runs(variant, case_id, measure), _mean_of_runs(reference, case_id, measure)
        if value is None or other is None:
            undefined[case_id] = tuple(v.name for v, mean in ((reference, other), (variant, value)) if mean is None)
        else:
            of_unit.setdefault(unit, []).append((value, other))
    means = [np.mean(pairs, axis=0).tolist() for pairs in of_unit.values()]
    return PairedValues(tuple(of_unit), tuple(mean[0] for mean in means), tuple(mean[1] for mean in means), undefined)


def _mean_of_runs(variant: Variant, case_id: str, measure: str) -> float | None:
    values = [run.rows[case_id].get(measure) for run in variant.runs_of(case_id)]
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if len(defined) == len(values) else None


def _every_case(variants: Sequence[Variant]) -> set[str]:
    return {case_id for variant in variants for case_id in (*variant.cases, *variant.failed)}


def _not_shared(variants: Sequence[Variant]) -> dict[str, str]:
    """Every case that a variant lacks or failed on, with why."""
    reasons: dict[str, list[str]] = {}
    for case_id in sorted(_every_case(variants)):
        for variant in variants:
            if case_id in variant.failed:
                reasons.setdefault(case_id, []).append(f"{variant.name} failed on it: {variant.failed[case_id]}")
            elif case_id not in variant.cases:
                reasons.setdefault(case_id, []).append(f"{variant.name} lacks it")
    return {case_id: "; ".join(told) for case_id, told in reasons.items()}


def _refusal(variants: Sequence[Variant], shared: int) -> str:
    every = _every_case(variants)
    complaints = []
    for variant in variants:
        if failed := sorted(variant.failed):
            complaints.append(f"{variant.name} failed on {_some(failed)} ({variant.failed[failed[0]]})")
        if lacking := sorted(every - variant.cases - set(failed)):
            complaints.append(f"{variant.name} lacks {_some(lacking)}")
    remedy = f", or add --common to compare the {shared} that all have" if shared else "; no case is in all of them"
    return f"--results: {'; '.join(complaints)}: evaluate these cases{remedy}"


def _folds(variants: Sequence[Variant], cases: Sequence[str]) -> list[list[str]] | None:
    """Cases that came in the same runs, if the runs of all variants part the cases alike."""
    first = _parts(variants[0], cases)
    same = all({frozenset(part) for part in _parts(v, cases)} == {frozenset(part) for part in first} for v in variants)
    return first if same else None


def _parts(variant: Variant, cases: Sequence[str]) -> list[list[str]]:
    parts: dict[tuple[int, ...], list[str]] = {}
    for case_id in cases:
        parts.setdefault(tuple(i for i, run in enumerate(variant.runs) if case_id in run.rows), []).append(case_id)
    return list(parts.values())


def _units(
    unit: Unit, cases: Sequence[str], folds: list[list[str]] | None, patient_of: Mapping[str, str] | None
) -> dict[str, str]:
    if unit == "case":
        return {case_id: case_id for case_id in cases}
    if unit == "fold":
        if not folds or len(folds) < 2:
            why = "one set of cases" if folds else "other sets of cases for one name than for another"
            raise ValueError(f"--unit fold: the files hold {why}; give each name one file a fold, of the same folds")
        return {case_id: f"fold {number}" for number, part in enumerate(folds) for case_id in part}
    if patient_of is None:
        raise ValueError("--unit patient: expected to be told the patients; add --patients FILE")
    if unknown := [case_id for case_id in cases if case_id not in patient_of]:
        raise ValueError(f"--patients: names no patient for {_some(unknown)}; add them to the file")
    return {case_id: patient_of[case_id] for case_id in cases}


def _some(names: Iterable[str]) -> str:
    every = list(names)
    rest = f", ... ({len(every)} in all)" if len(every) > MOST_NAMED else ""
    return ", ".join(every[:MOST_NAMED]) + rest
