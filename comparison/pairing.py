"""Which values of two variants belong together: the same cases, one value each however many seeds, and their units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ramify.comparison.results import Variant
from ramify.comparison.settings import Unit
from ramify.comparison.wording import OF_COMPARE, Wording

MOST_NAMED = 12


@dataclass(frozen=True)
class Pairing:
    """The cases that variants are compared on.

    unit: what a pair is of, as asked for, or else the fold where folds can be told and the case where not.
    unit_of: compared case -> the unit whose mean is one of a pair: the case itself, its fold or its patient. Where
        pairs are networks, every network has every case, and this is the case itself or its patient.
    left_out: case id -> why it is not compared.
    folds: how many sets of cases are held out from networks of their own; None where the files do not say.
    told: whether units can be taken as independent: asked for, or no case is known to share its networks with another
        one in a way that cannot be told.
    networks: the networks that every variant has, where they are the pairs.
    """

    unit: Unit
    unit_of: Mapping[str, str]
    left_out: Mapping[str, str]
    folds: int | None
    told: bool = True
    networks: tuple[str, ...] = ()

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.networks) if self.unit == "network" else len(set(self.unit_of.values()))


@dataclass(frozen=True)
class PairedValues:
    """The values of a variant and of the reference, a case at each place, each the mean of its runs (seeds).

    cases, units: which case, and the unit it is part of: a pair is the mean over a unit's cases. Where pairs are
        networks, a place is a case of a network, and no run is averaged.
    undefined: case id -> the variants for which the measure has no value there; it makes no pair.
    """

    cases: tuple[str, ...]
    units: tuple[str, ...]
    values: tuple[float, ...]
    reference: tuple[float, ...]
    undefined: Mapping[str, tuple[str, ...]]


def pair_cases(
    variants: Sequence[Variant],
    common: bool = False,
    unit: Unit | None = None,
    patient_of: Mapping[str, str] | None = None,
    fold_of: Mapping[str, str] | None = None,
    wording: Wording = OF_COMPARE,
) -> Pairing:
    """The cases that all variants have, each with the unit it belongs to.

    Args:
        variants: at least two, of different names.
        common: leave out the cases that some variant lacks or failed on, instead of refusing them.
        unit: what a pair is; the cases of a fold or patient are averaged first. None takes the fold where there are
            several, the network where several are scored on the same cases, and the case otherwise.
        patient_of: case id -> patient, for the units "patient" and "network".
        fold_of: case id -> fold, where it is known; otherwise folds are told by the cases that runs have in common.
        wording: how complaints name the settings.

    Raises:
        ValueError: fewer than two variants, a case that one lacks or failed on (without `common`), no case in common,
            or units that cannot be told.
    """
    if len(variants) < 2:
        only = f"{variants[0].name} alone" if variants else "none"
        raise ValueError(f"{wording.results}expected at least two names to compare, got {only}; add NAME=FILE")
    left_out = _not_shared(variants)
    in_order = dict.fromkeys(case_id for run in variants[0].runs for case_id in run.rows)
    shared = [case_id for case_id in in_order if case_id not in left_out]
    if left_out and not common:
        raise ValueError(_refusal(variants, len(shared), wording))
    if not shared:
        raise ValueError(f"{wording.results}{_some(v.name for v in variants)} have no evaluated case in common")
    folds = _folds(variants, shared) if fold_of is None else _given_folds(shared, fold_of)
    networks = _networks(variants, shared, common, wording) if folds and len(folds) == 1 else ()
    usual: Unit = "fold" if folds and len(folds) > 1 else "network" if len(networks) > 1 else "case"
    chosen = unit or usual
    told = unit is not None or folds is not None
    if chosen == "network" and len(networks) < 2:
        raise ValueError(
            f"{wording.unit} network: expected two networks or more of each name, scored on the same cases and as many "
            f"of one name as of another; {wording.more_networks}"
        )
    units = _units(chosen, shared, folds, patient_of, wording)
    return Pairing(
        chosen, units, left_out, len(folds) if folds else None, told, networks if chosen == "network" else ()
    )


def paired_values(variant: Variant, reference: Variant, pairing: Pairing, measure: str) -> PairedValues:
    """The values of one measure, a case at a time: the mean over its runs (its seeds).

    A case for which any run of either variant leaves the measure undefined makes no pair, and is told: a mean over
    the other runs would be of something else.
    """
    undefined: dict[str, tuple[str, ...]] = {}
    defined: list[tuple[str, str, float, float]] = []
    for case_id, unit in pairing.unit_of.items():
        places = {unit: (variant, reference)}
        if pairing.unit == "network":
            places = {name: (_of_network(variant, name), _of_network(reference, name)) for name in pairing.networks}
        found, lacking = [], dict.fromkeys((reference.name, variant.name), False)
        for place, (one, other) in places.items():
            values = _mean_of_runs(one, case_id, measure), _mean_of_runs(other, case_id, measure)
            if values[0] is not None and values[1] is not None:
                found.append((case_id, place, values[0], values[1]))
            lacking[variant.name] |= values[0] is None
            lacking[reference.name] |= values[1] is None
        if any(lacking.values()):
            undefined[case_id] = tuple(name for name, lacks in lacking.items() if lacks)
        else:
            defined += found
    return PairedValues(
        cases=tuple(case_id for case_id, *_ in defined),
        units=tuple(place for _, place, *_ in defined),
        values=tuple(value for *_, value, _ in defined),
        reference=tuple(other for *_, other in defined),
        undefined=undefined,
    )


def _of_network(variant: Variant, name: str) -> Variant:
    """A variant with one of its networks alone."""
    return Variant(variant.name, tuple(run for run, its in zip(variant.runs, _names(variant)) if its == name))


def _names(variant: Variant) -> list[str]:
    """What its networks are called: by their results, or else by their order."""
    if all(run.network for run in variant.runs):
        return [run.network for run in variant.runs]
    return [f"network {number}" for number in range(1, len(variant.runs) + 1)]


def _networks(variants: Sequence[Variant], cases: Sequence[str], common: bool, wording: Wording) -> tuple[str, ...]:
    """The networks that every variant has, in the first one's order; none where they are not paired one to one.

    Raises ValueError where results name networks that one variant lacks, unless `common`.
    """
    every = set(cases)
    if not all(every <= set(run.rows) for variant in variants for run in variant.runs):
        return ()
    names = [_names(variant) for variant in variants]
    if any(len(set(of)) < len(of) for of in names):
        return ()
    told = all(run.network for variant in variants for run in variant.runs)
    if not told and len({len(of) for of in names}) > 1:
        return ()
    shared = [name for name in names[0] if all(name in of for of in names)]
    if lacking := sorted(set().union(*names) - set(shared)):
        who = next(variant.name for variant, of in zip(variants, names) if lacking[0] not in of)
        if not common:
            raise ValueError(f"{wording.results}{who} has no {lacking[0]}; add it, or {wording.add_common}")
    return tuple(shared)


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


def _refusal(variants: Sequence[Variant], shared: int, wording: Wording) -> str:
    every = _every_case(variants)
    complaints = []
    for variant in variants:
        if failed := sorted(variant.failed):
            complaints.append(f"{variant.name} failed on {_some(failed)} ({variant.failed[failed[0]]})")
        if lacking := sorted(every - variant.cases - set(failed)):
            complaints.append(f"{variant.name} lacks {_some(lacking)}")
    remedy = (
        f", or {wording.add_common} to compare the {shared} that all have" if shared else "; no case is in all of them"
    )
    return f"{wording.results}{'; '.join(complaints)}: evaluate these cases{remedy}"


def _folds(variants: Sequence[Variant], cases: Sequence[str]) -> list[list[str]] | None:
    """Cases that no network of any variant links to the others; None where the runs link all in some crossing way.

    One set of cases, which a run of every variant holds whole, is one fold.
    """
    every = frozenset(cases)
    runs = {variant.name: {every.intersection(run.rows) for run in variant.runs} for variant in variants}
    folds: list[frozenset[str]] = []
    for held in set().union(*runs.values()) - {frozenset()}:
        linked = [fold for fold in folds if fold & held]
        folds = [fold for fold in folds if fold not in linked] + [held.union(*linked)]
    if len(folds) == 1 and not all(every in held for held in runs.values()):
        return None
    place = {case_id: number for number, case_id in enumerate(cases)}
    return sorted((sorted(fold, key=place.__getitem__) for fold in folds), key=lambda fold: place[fold[0]])


def _given_folds(cases: Sequence[str], fold_of: Mapping[str, str]) -> list[list[str]]:
    if unknown := [case_id for case_id in cases if case_id not in fold_of]:
        raise ValueError(
            f"--folds: no fold holds out {_some(unknown)}; give the file that these results were made with"
        )
    parts: dict[str, list[str]] = {}
    for case_id in cases:
        parts.setdefault(fold_of[case_id], []).append(case_id)
    return list(parts.values())


def _units(
    unit: Unit,
    cases: Sequence[str],
    folds: list[list[str]] | None,
    patient_of: Mapping[str, str] | None,
    wording: Wording,
) -> dict[str, str]:
    if unit == "case" or (unit == "network" and patient_of is None):
        return {case_id: case_id for case_id in cases}
    if unit == "fold":
        if not folds or len(folds) < 2:
            why = "one set of cases" if folds else "other sets of cases for one name than for another, or crossing ones"
            raise ValueError(f"{wording.unit} fold: the files hold {why}; {wording.same_folds}")
        return {case_id: f"fold {number}" for number, part in enumerate(folds) for case_id in part}
    if patient_of is None:
        raise ValueError(f"{wording.unit} patient: expected to be told the patients; add --patients FILE")
    if unknown := [case_id for case_id in cases if case_id not in patient_of]:
        raise ValueError(f"--patients: names no patient for {_some(unknown)}; add them to the file")
    return {case_id: patient_of[case_id] for case_id in cases}


def _some(names: Iterable[str]) -> str:
    every = list(names)
    rest = f", ... ({len(every)} in all)" if len(every) > MOST_NAMED else ""
    return ", ".join(every[:MOST_NAMED]) + rest
