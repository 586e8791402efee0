"""What a reader must know beside the numbers of a comparison: what was paired, left out, undefined, or too few."""

from collections.abc import Iterable

from ramify.comparison.comparison import Comparison
from ramify.comparison.cross_validation import deviations_needed
from ramify.comparison.results import Variant
from ramify.comparison.statistics import bootstrap_coverage, least_p, pairs_for_a_verdict, pairs_to_reach

MOST_NAMED = 5
EMPTY_PREDICTION = "empty_prediction"
TOLERATED_LOSS = 0.02
"""Coverage below the nominal one by more than this is told."""

POLICY = (
    "The runs (seeds) of a case are averaged before any test. A pair is one fold, case or patient under both "
    "variants, with the mean of its cases; by default the fold, where the files tell several, because the cases of "
    "a fold share their networks; or one network, where several are all scored on the same cases: then no run is "
    "averaged before. Cases with an empty mask stay in with the values that the evaluation gave them, "
    "and are counted. A case for which a measure is undefined in any run of either variant counts in no pair for "
    "that measure; it is counted and named. Cases that one variant lacks or failed on are refused, or left out of "
    "all where that is asked for, counted and named. Differences are variant - reference, rounded to twelve digits of "
    "the greatest value. t test: two-sided; of folds, with the mean's variance times 1/n + 1/(n - 1) in place of 1/n, "
    "for training cases in common (Nadeau and Bengio 2003); of networks, with the variance that networks and cases "
    "make together, (MS_n + max(0, MS_c - MS_e)) / (N C), and Satterthwaite's degrees of freedom, at most "
    "2 (N - 1), of fewer than four networks N - 1. "
    "Intervals: those of the t test for folds and networks, "
    "otherwise bias-corrected and accelerated bootstrap of the mean difference, cut to what differences of the measure "
    "can be; each for itself, not adjusted. A verdict takes n pairs that differ with 2^-n <= alpha, whatever test "
    "decides. "
    "Wilcoxon's signed-rank test: two-sided, zero_method wilcox (equal pairs are left out), exact up to 50 pairs "
    "without ties and 14 with, else the normal approximation with corrections for ties and continuity. Permutation "
    "test: two-sided, the signs of the differences flipped, their mean compared, all patterns up to 14 pairs that "
    "differ, else 16384 random ones. Holm's adjustment is over all tests of the comparison in which a pair differs, "
    "for each test by itself. Pairs needed: by the paired t approximation at alpha / number of tests, folds staying "
    "as large as they are; for Wilcoxon's test, that number over 3/pi."
)


def remarks_on(comparison: Comparison) -> list[str]:
    """Sentences to print under the table, most of them only where there is something to say."""
    return [
        *_pairs(comparison),
        *_left_out(comparison),
        *_flagged(comparison),
        *_undefined(comparison),
        *_few_pairs(comparison),
        *_cut(comparison),
        *_adjustment(comparison),
        *_origins(comparison),
    ]


def _pairs(comparison: Comparison) -> list[str]:
    pairing, unit = comparison.pairing, comparison.pairing.unit
    count, cases = pairing.pairs, len(pairing.unit_of)
    said = [
        f"pairs are {_number(count, unit)}"
        + ("" if unit == "case" else f", each the mean of its cases ({cases} in all)")
    ]
    names: dict[tuple[int, int], list[str]] = {}
    for variant in comparison.variants:
        runs = [len(variant.runs_of(case_id)) for case_id in pairing.unit_of]
        names.setdefault((min(runs), max(runs)), []).append(variant.name)
    for (least, most), of in names.items():
        if most > 1 and unit != "network":
            often = f"{least}" if least == most else f"{least} to {most}"
            said.append(f"{', '.join(of)}: {often} runs a case, averaged before the tests: pairs must be independent")
    return [*said, *_networks(comparison)]


def _networks(comparison: Comparison) -> list[str]:
    """What the pairs have in common, and what their number can support."""
    pairing, wording = comparison.pairing, comparison.wording
    if not pairing.told:
        return [
            "the files part the cases differently for one name than for another, or in crossing ways, so that nothing "
            f"says which cases share a network: no verdict; {wording.named_folds}, or take the cases as independent "
            f"with {wording.unit} case"
        ]
    if pairing.unit == "fold":
        return _folds(pairing.pairs, comparison)
    if pairing.unit == "network":
        return _test_set(comparison)
    if pairing.folds and pairing.folds > 1:
        return [
            f"{pairing.folds} folds: the cases of a fold share their networks, and by {wording.unit} {pairing.unit} "
            "they are taken as independent: two trainings of one method are then called different too often; "
            f"leave {wording.unit} out"
        ]
    return [
        f"each {pairing.unit} is taken as independent of the others, so that a verdict is about these predictions: if "
        "networks made them, one training (or the same few) made all of a name, and two trainings of one method "
        f"differ by luck; {wording.more_folds}"
    ]


def _folds(count: int, comparison: Comparison) -> list[str]:
    """What so many folds can show, by either kind of test."""
    alpha, tests = comparison.settings.alpha, max(1, comparison.tests)
    if count < 2:
        return [f"1 fold has no spread, and shows nothing: it takes {pairs_for_a_verdict(alpha)} folds"]
    level, first = f"p < {alpha:g}", alpha / tests
    bounds = (
        f"{deviations_needed(count, alpha, cross_validated=True):.1f} standard deviations of the folds' differences"
    )
    if tests > 1:
        bounds += f" (at p < {alpha:g} / {tests}: {deviations_needed(count, first, cross_validated=True):.1f})"
    signs = "" if least_p(count) < alpha else f", so that by signs no verdict at {level} is possible"
    many = f"{pairs_to_reach(alpha)} folds" + (f", {pairs_to_reach(first)} among {tests} tests" if tests > 1 else "")
    return [
        f"the {count} folds are the pairs, since the cases of a fold share their networks; by the t test, corrected "
        f"for training cases in common, a mean difference needs at least {bounds}; more seeds make these smaller, and "
        "are no further pairs",
        f"by signs or ranks {count} folds can give p = 1/{2**count} one-sided and 1/{2 ** (count - 1)} two-sided at "
        f"the least{signs}; it takes {many}",
    ]


def _test_set(comparison: Comparison) -> list[str]:
    """What networks on one set of cases can show."""
    pairing = comparison.pairing
    count, cases = pairing.pairs, len(set(pairing.unit_of.values()))
    said = [
        f"the {count} networks are the pairs, all scored on the same {len(pairing.unit_of)} cases, and cases vary as "
        f"well: the t test counts what {count} trainings and what {cases} cases leave to luck, and is about other "
        "trainings and other cases alike; the tests by signs and ranks are about other trainings on these cases",
        "all networks learnt from the same training cases, or from parts of them: how much other ones would change is "
        "not told",
    ]
    least, alpha = least_p(count), comparison.settings.alpha
    if least >= alpha / max(1, comparison.tests):
        said.append(
            f"by signs or ranks {count} networks can give p = {least:.2g} at the least, which is no verdict among "
            f"{_number(max(1, comparison.tests), 'test')} at p < {alpha:g}"
        )
    if count < pairs_for_a_verdict(alpha):
        enough = pairs_for_a_verdict(alpha)
        said.append(f"{count} networks are too few for a verdict: take {enough} or more, and far better ten")
    return said


def _left_out(comparison: Comparison) -> list[str]:
    left_out = comparison.pairing.left_out
    if not left_out:
        return []
    told = (f"{case_id} ({reason})" for case_id, reason in left_out.items())
    return [f"left out of all: {_number(len(left_out), 'case')}: {_some(told, len(left_out))}"]


def _flagged(comparison: Comparison) -> list[str]:
    """Cases whose values come from the rule for empty masks."""
    names: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    # Of label maps, those of the classes that are compared.
    compared = {measure.rpartition(".")[0] for measure in comparison.measures}
    for variant in comparison.variants:
        for flag, cases in _flags(variant).items():
            if flag.rpartition(".")[0] not in compared:
                continue
            if held := tuple(case_id for case_id in comparison.pairing.unit_of if case_id in cases):
                names.setdefault((flag, held), []).append(variant.name)
    return [
        *_found_nothing(comparison, compared),
        *(
            f"{', '.join(of)}: {flag} in {_number(len(held), 'case')}, kept with the values given: "
            f"{_some(held, len(held))}"
            for (flag, held), of in names.items()
        ),
    ]


def _found_nothing(comparison: Comparison, compared: Iterable[str]) -> list[str]:
    """The variants whose predictions are all empty: whatever else is said of them, they have learned nothing."""
    said = []
    for of in sorted(compared):
        flag = f"{of}.{EMPTY_PREDICTION}" if of else EMPTY_PREDICTION
        names = [
            variant.name
            for variant in comparison.variants
            if all(
                case_id in run.flags.get(flag, ())
                for case_id in comparison.pairing.unit_of
                for run in variant.runs_of(case_id)
            )
        ]
        if names:
            said.append(f"{', '.join(names)}: found nothing{f' of {of}' if of else ''} in any case")
    return said


def _flags(variant: Variant) -> dict[str, set[str]]:
    flags: dict[str, set[str]] = {}
    for run in variant.runs:
        for flag, cases in run.flags.items():
            flags.setdefault(flag, set()).update(cases)
    return flags


def _undefined(comparison: Comparison) -> list[str]:
    said = []
    for difference in comparison.differences:
        undefined = difference.paired.undefined
        if not undefined:
            continue
        one_sided = sum(len(names) == 1 for names in undefined.values())
        told = _some((f"{case_id} ({', '.join(names)})" for case_id, names in undefined.items()), len(undefined))
        warning = (
            f"; {one_sided} of them for one side only, so that the pairs left are a choice (where one side found "
            f"nothing and nothing was there, {comparison.wording.both_empty} gives it a value)"
            if one_sided
            else ""
        )
        said.append(
            f"{difference.variant}, {difference.measure}: undefined in {_number(len(undefined), 'case')}, no pair: "
            f"{told}{warning}"
        )
    return said


def _few_pairs(comparison: Comparison) -> list[str]:
    level = 1 - comparison.settings.alpha
    counts = sorted(
        {
            d.evidence.pairs
            for d in comparison.differences
            if d.evidence and d.evidence.interval and not (d.evidence.cross_validated or d.evidence.crossed)
        }
    )
    low = [(pairs, bootstrap_coverage(pairs, level)) for pairs in counts]
    return [
        f"of {pairs} pairs, a {level:.0%} bootstrap interval holds the true mean in about {coverage:.0%} of samples: "
        "take it as too narrow"
        for pairs, coverage in low
        if coverage < level - TOLERATED_LOSS
    ]


def _cut(comparison: Comparison) -> list[str]:
    cut = [
        f"{each.variant} in {each.measure}" for each in comparison.differences if each.evidence and each.evidence.cut
    ]
    if not cut:
        return []
    return [
        f"{', '.join(cut)}: the interval reached beyond what differences of the measure can be, and ends where they "
        "do: so few pairs tell next to nothing"
    ]


def _adjustment(comparison: Comparison) -> list[str]:
    unknown = sorted({difference.measure for difference in comparison.differences if difference.better is None})
    said = [f"no direction is known for {', '.join(unknown)}: told as higher or lower"] if unknown else []
    if comparison.tests > 1:
        said.append(f"p Holm is adjusted over {comparison.tests} tests, all of this table; intervals are not")
    return [*said, "no evidence is not evidence of no difference: look at the interval"]


def _origins(comparison: Comparison) -> list[str]:
    commits = {
        str(run.report["versions"].get("commit"))
        for variant in comparison.variants
        for run in variant.runs
        if isinstance(run.report.get("versions"), dict)
    }
    return [f"scores made by different code: commits {', '.join(sorted(commits))}"] if len(commits) > 1 else []


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _some(names: Iterable[str], count: int) -> str:
    shown = [name for _, name in zip(range(MOST_NAMED), names)]
    return ", ".join(shown) + (", ..." if count > len(shown) else "")
