"""What the evidence supports, in words: better, worse, or no evidence."""

from dataclasses import dataclass
from typing import Literal

from experiments.evidence import Evidence
from experiments.statistics import pairs_to_reach

Better = Literal["higher", "lower"]
DecidingTest = Literal["wilcoxon", "permutation"]
Word = Literal["better", "worse", "higher", "lower", "no evidence"]

TEST_NAMES: dict[DecidingTest, str] = {"wilcoxon": "Wilcoxon's signed-rank test", "permutation": "the permutation test"}


@dataclass(frozen=True)
class Adjusted:
    """What Holm's adjustment over all tests of a comparison makes of one.

    wilcoxon, permutation: adjusted p of each.
    least: the smallest adjusted p that is possible by the deciding test.
    tests: how many each adjustment is over.
    decide_by, alpha: as in the settings of the comparison.
    """

    wilcoxon: float
    permutation: float
    least: float
    tests: int
    decide_by: DecidingTest
    alpha: float

    @property
    def deciding(self) -> float:
        """Adjusted p of the test that decides."""
        return self.wilcoxon if self.decide_by == "wilcoxon" else self.permutation

    @property
    def other(self) -> float:
        """Adjusted p of the other test."""
        return self.permutation if self.decide_by == "wilcoxon" else self.wilcoxon


@dataclass(frozen=True)
class Verdict:
    """`better` or `worse` (`higher` or `lower` where no direction is known to be better), or `no evidence`; and why."""

    word: Word
    reason: str


def judge(evidence: Evidence | None, adjusted: Adjusted | None, better: Better | None) -> Verdict:
    """The verdict on one measure.

    A claim needs both: the deciding test's adjusted p below alpha, and an interval of the mean difference that leaves
    out 0. `no evidence` is not evidence of no difference.

    Args:
        evidence: None where no pair has a value.
        adjusted: None where no pair differs.
        better: which direction is better; None if not known.
    """
    if evidence is None:
        return Verdict("no evidence", "no pair has a value")
    if adjusted is None:
        return Verdict("no evidence", f"the values of {_pairs(evidence.pairs)} are equal")
    if adjusted.least >= adjusted.alpha:
        return Verdict("no evidence", _out_of_reach(evidence, adjusted))
    found = f"adjusted p {_p(adjusted.deciding)}"
    if adjusted.deciding >= adjusted.alpha:
        return Verdict("no evidence", found + _disagreement(adjusted))
    interval = evidence.interval
    if interval is None:
        return Verdict("no evidence", f"{found}, but the mean difference has no interval")
    if interval.low <= 0 <= interval.high:
        return Verdict("no evidence", f"{found}, but the interval of the mean difference holds 0")
    upwards = interval.low > 0
    if adjusted.decide_by == "wilcoxon" and ((evidence.rank_biserial or 0) > 0) != upwards:
        return Verdict("no evidence", f"{found}, but the ranks go one way and the mean the other")
    word: Word = "higher" if upwards else "lower"
    if better is not None:
        word = "better" if word == better else "worse"
    alike = ", every difference the same" if interval.low == interval.high else ""
    return Verdict(word, f"{found}, interval {'above' if upwards else 'below'} 0{alike}{_disagreement(adjusted)}")


def _out_of_reach(evidence: Evidence, adjusted: Adjusted) -> str:
    """That so few pairs could not have shown anything, and how many could."""
    significance = evidence.wilcoxon if adjusted.decide_by == "wilcoxon" else evidence.permutation
    few = _pairs(evidence.differing) + (" that differ" if evidence.differing < evidence.pairs else "")
    text = f"{few} cannot reach p < {adjusted.alpha:g} two-sided by {TEST_NAMES[adjusted.decide_by]}"
    alone, together = pairs_to_reach(adjusted.alpha), pairs_to_reach(adjusted.alpha / adjusted.tests)
    if significance.least_p >= adjusted.alpha:
        also = f", {together} where {adjusted.tests} tests are adjusted for" if adjusted.tests > 1 else ""
        return f"{text}: the least possible p is {significance.least_p:g}; it takes {alone} pairs{also}"
    least = f"the least possible p is {significance.least_p:g}, adjusted {adjusted.least:g}"
    return f"{text} where {adjusted.tests} tests are adjusted for: {least}; it takes {together} pairs"


def _disagreement(adjusted: Adjusted) -> str:
    """That the other test says otherwise, where it does."""
    if (adjusted.deciding < adjusted.alpha) == (adjusted.other < adjusted.alpha):
        return ""
    other: DecidingTest = "permutation" if adjusted.decide_by == "wilcoxon" else "wilcoxon"
    return f"; {TEST_NAMES[other]} says otherwise (adjusted p {_p(adjusted.other)})"


def _pairs(count: int) -> str:
    return f"{count} pair{'' if count == 1 else 's'}"


def _p(value: float) -> str:
    return f"= {value:.2g}" if value >= 0.0001 else "< 0.0001"
