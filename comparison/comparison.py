"""Variants against the first of them, measure by measure: evidence, adjustment for the number of tests, verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ramify.comparison.direction import chosen_measures, direction_of, highest_of
from ramify.comparison.evidence import Evidence, weigh
from ramify.comparison.pairing import PairedValues, Pairing, pair_cases, paired_values
from ramify.comparison.power import WILCOXON_EFFICIENCY, pairs_needed
from ramify.comparison.results import Variant, check_same_classes, check_same_settings
from ramify.comparison.settings import ComparisonSettings, DecidingTest
from ramify.comparison.statistics import holm, pairs_for_a_verdict
from ramify.comparison.test_set import networks_needed
from ramify.comparison.verdict import TEST_NAMES, Adjusted, Better, Verdict, judge
from ramify.comparison.wording import OF_COMPARE, Wording


@dataclass(frozen=True)
class Difference:
    """A variant against the reference in one measure.

    Attributes:
        better: which direction is better; None where nobody says.
        paired: the values behind it, and the cases without.
        evidence: None where no pair has a value.
        adjusted: p-values after Holm's adjustment over all tests of the comparison; None where no pair differs.
        pairs_needed: pairs in all to see a difference of this size; None without a difference, or beyond a million.
    """

    variant: str
    measure: str
    better: Better | None
    paired: PairedValues
    evidence: Evidence | None
    adjusted: Adjusted | None
    pairs_needed: int | None
    verdict: Verdict

    @property
    def more_pairs(self) -> int | None:
        """Pairs lacking for that."""
        if self.pairs_needed is None or self.evidence is None:
            return None
        return max(0, self.pairs_needed - self.evidence.pairs)


@dataclass(frozen=True)
class Comparison:
    """Every variant but the first against the first, the reference."""

    variants: tuple[Variant, ...]
    pairing: Pairing
    settings: ComparisonSettings
    differences: tuple[Difference, ...]
    wording: Wording = OF_COMPARE

    @property
    def decide_by(self) -> DecidingTest:
        """The test that decides."""
        return _deciding(self.settings, self.pairing)

    @property
    def reference(self) -> Variant:
        """What the others are compared with."""
        return self.variants[0]

    @property
    def tests(self) -> int:
        """How many tests Holm's adjustment is over."""
        return sum(difference.adjusted is not None for difference in self.differences)

    @property
    def measures(self) -> list[str]:
        """The compared measures."""
        return list(dict.fromkeys(difference.measure for difference in self.differences))


def compare(
    variants: Sequence[Variant],
    measures: Sequence[str] = (),
    settings: ComparisonSettings | None = None,
    patient_of: Mapping[str, str] | None = None,
    fold_of: Mapping[str, str] | None = None,
    wording: Wording = OF_COMPARE,
) -> Comparison:
    """Compare every variant with the first one.

    Args:
        variants: at least two; each with the results of one run, or of several folds and seeds.
        measures: keys of a case's row; `all`, or none for those of Sadikine et al. 2023, Table 1.
        settings: the defaults without them.
        patient_of: case id -> patient, for the units "patient" and "network".
        fold_of: case id -> the fold that holds it out, where the results do not tell.
        wording: how complaints and remarks name the settings.

    Raises:
        ValueError: sets that lack a case or failed on one, unknown measures, other settings of the evaluation, or
            units that cannot be told; one line each.

    Examples:
        >>> from ramify.comparison import ComparisonSettings, RunResults, Variant, compare
        >>> rows = {f"case_{i}": {"dice": 0.70 + i / 100} for i in range(8)}
        >>> better = {case: {"dice": row["dice"] + 0.05} for case, row in rows.items()}
        >>> variants = [Variant("plain", (RunResults(rows),)), Variant("new", (RunResults(better),))]
        >>> comparison = compare(variants, ["dice"], ComparisonSettings(unit="case"))
        >>> difference = comparison.differences[0]
        >>> round(difference.evidence.difference, 3), difference.verdict.word
        (0.05, 'better')
    """
    settings = settings or ComparisonSettings()
    pairing = pair_cases(variants, settings.common, settings.unit, patient_of, fold_of, wording)
    check_same_settings(variants)
    asked = chosen_measures(measures, variants, wording)
    check_same_classes(variants, asked)
    chosen = [(variant, measure) for variant in variants[1:] for measure in asked]
    paired = [paired_values(variant, variants[0], pairing, measure) for variant, measure in chosen]
    decide_by = _deciding(settings, pairing)
    highest = {measure: highest_of(measure, variants) for measure in asked}
    evidence = [_weigh(each, pairing, settings, highest[measure]) for each, (_, measure) in zip(paired, chosen)]
    differences = []
    rows = zip(chosen, paired, evidence, _adjust(evidence, decide_by, settings.alpha))
    for (variant, measure), values, found, adjusted in rows:
        better = direction_of(measure, variants)
        needed = _pairs_needed(found, adjusted, settings) if found and adjusted else None
        verdict = judge(found, adjusted, better)
        differences.append(Difference(variant.name, measure, better, values, found, adjusted, needed, verdict))
    return Comparison(tuple(variants), pairing, settings, tuple(differences), wording)


def _deciding(settings: ComparisonSettings, pairing: Pairing) -> DecidingTest:
    return settings.decide_by or ("t" if pairing.unit in ("fold", "network") else "wilcoxon")


def _weigh(paired: PairedValues, pairing: Pairing, settings: ComparisonSettings, highest: float) -> Evidence | None:
    return weigh(
        paired.values,
        paired.reference,
        1 - settings.alpha,
        settings.resamples,
        settings.seed,
        units=paired.units if pairing.told else None,
        cross_validated=pairing.unit == "fold",
        cases=[pairing.unit_of[case_id] for case_id in paired.cases] if pairing.unit == "network" else None,
        highest=highest,
    )


def _adjust(evidence: Sequence[Evidence | None], decide_by: DecidingTest, alpha: float) -> list[Adjusted | None]:
    """Holm's adjustment of each test over all variants and measures, and of the least p that it can give.

    A test without a pair that differs is none, since its p is 1 by whatever signs: it makes no other one stricter. An
    adjusted p grows with every p-value it is made of, so that the adjusted least ones bound it from below.
    """
    tested = [found for found in evidence if found is not None and found.differing]
    by_test = {test: iter(holm([getattr(found, test).p for found in tested])) for test in TEST_NAMES}
    least = iter(holm([getattr(found, decide_by).least_p for found in tested]))
    return [
        Adjusted(
            **{test: next(adjusted) for test, adjusted in by_test.items()},
            least=next(least),
            tests=len(tested),
            decide_by=decide_by,
            alpha=alpha,
        )
        if found is not None and found.differing
        else None
        for found in evidence
    ]


def _pairs_needed(evidence: Evidence, adjusted: Adjusted, settings: ComparisonSettings) -> int | None:
    """At the level that the first of the adjusted tests is held to, which is the strictest."""
    fewest = pairs_for_a_verdict(settings.alpha) if adjusted.decide_by == "t" else None
    if evidence.crossed is not None and fewest is not None:
        return networks_needed(evidence.crossed, settings.alpha / adjusted.tests, settings.power, fewest)
    return pairs_needed(
        evidence.effect,
        settings.alpha / adjusted.tests,
        settings.power,
        WILCOXON_EFFICIENCY if adjusted.decide_by == "wilcoxon" else 1.0,
        fewest=fewest,
        cross_validated=evidence.cross_validated,
    )
