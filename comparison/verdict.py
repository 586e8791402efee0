"""What the evidence supports, in words: better, worse, no evidence, or too few pairs."""

from dataclasses import dataclass
from typing import Literal

from ramify.comparison.evidence import Evidence
from ramify.comparison.settings import DecidingTest
from ramify.comparison.statistics import Significance, pairs_for_a_verdict, pairs_to_reach

Better = Literal["higher", "lower"]
Word = Literal[
    "better", "worse", "higher", "lower", "no evidence", "too few folds", "too few networks", "too few pairs"
]
CLAIMS: tuple[Word, ...] = ("better", "worse", "higher", "lower")

TEST_NAMES: dict[DecidingTest, str] = {
    "t": "the t test",
    "wilcoxon": "Wilcoxon's signed-rank test",
    "permutation": "the permutation test",
}
SIGN_TESTS: tuple[DecidingTest, ...] = ("wilcoxon", "permutation")
UNTOLD = "which cases share a network was not told, and two trainings of one method differ by luck"


@dataclass(frozen=True)
class Adjusted:
    """What Holm's adjustment over all tests of a comparison makes of one.

    Args:
        wilcoxon, permutation, t: adjusted p of each; t only where it was asked for.
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
    t: float = 1.0

    @property
    def deciding(self) -> float:
        """Adjusted p of the test that decides."""
        p: float = getattr(self, self.decide_by)
        return p


@dataclass(frozen=True)
class Verdict:
    """`better` or `worse` (`higher` or `lower` where no direction is known to be better), `no evidence`, or `too few
    folds` (networks, pairs), where so many could show nothing whatever their values; and why."""

    word: Word
    reason: str

    @property
    def is_claim(self) -> bool:
        """Whether a difference is claimed."""
        return self.word in CLAIMS


def judge(evidence: Evidence | None, adjusted: Adjusted | None, better: Better | None) -> Verdict:
    """The verdict on one measure.

    A claim needs four things: as many pairs that differ as `pairs_for_a_verdict` says, that it was said which values
    share their luck, the deciding test's adjusted p below alpha, and an interval of the mean difference that leaves out
    0. `no evidence` is not evidence of no difference.

    Args:
        evidence: None where no pair has a value.
        adjusted: None where no pair differs.
        better: which direction is better; None if not known.

    Examples:
        >>> from ramify.comparison import Adjusted, judge, weigh
        >>> reference = [0.70, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.77]
        >>> evidence = weigh([value + 0.05 for value in reference], reference, units=range(8))
        >>> adjusted = Adjusted(0.008, 0.008, least=0.008, tests=1, decide_by="wilcoxon", alpha=0.05)
        >>> judge(evidence, adjusted, "higher").word
        'better'
    """
    if evidence is None:
        return Verdict("no evidence", "no pair has a value")
    if adjusted is None:
        return Verdict("no evidence", f"the values of {_pairs(evidence.pairs, evidence)} are equal")
    # Where signs or ranks decide, what they can reach is stricter.
    if adjusted.decide_by == "t" and evidence.differing < pairs_for_a_verdict(adjusted.alpha):
        return Verdict(_too_few(evidence), _below_the_floor(evidence, adjusted))
    if adjusted.least >= adjusted.alpha:
        return Verdict(_too_few(evidence), _out_of_reach(evidence, adjusted))
    found = f"adjusted p {_p(adjusted.deciding)}"
    if not evidence.told:
        return Verdict("no evidence", f"{found} if every case stood alone: {UNTOLD}")
    if adjusted.deciding >= adjusted.alpha:
        return Verdict("no evidence", found + _disagreement(evidence, adjusted))
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
    return Verdict(
        word, f"{found}, interval {'above' if upwards else 'below'} 0{alike}{_disagreement(evidence, adjusted)}"
    )


def _too_few(evidence: Evidence) -> Word:
    words: dict[str, Word] = {"fold": "too few folds", "network": "too few networks", "pair": "too few pairs"}
    return words[noun_of(evidence)]


def _below_the_floor(evidence: Evidence, adjusted: Adjusted) -> str:
    """That the t test could give a small p, and that so few pairs are none to conclude from."""
    count, noun = evidence.differing, noun_of(evidence)
    return (
        f"whatever p the t test gives, that all of {_few(evidence)} lie to one side has a chance of 1/{2**count}, "
        f"above {adjusted.alpha:g}; a verdict takes {pairs_for_a_verdict(adjusted.alpha)} {noun}s"
    )


def _few(evidence: Evidence) -> str:
    return _pairs(evidence.differing, evidence) + (" that differ" if evidence.differing < evidence.pairs else "")


def _out_of_reach(evidence: Evidence, adjusted: Adjusted) -> str:
    """That so few pairs could not have shown anything, and how many could."""
    significance: Significance = getattr(evidence, adjusted.decide_by)
    # Of equal differences the t test has no spread to measure them by.
    test = "signs, every difference the same" if adjusted.decide_by == "t" else TEST_NAMES[adjusted.decide_by]
    text = f"{_few(evidence)} cannot reach p < {adjusted.alpha:g} two-sided by {test}"
    noun, alone = noun_of(evidence), pairs_to_reach(adjusted.alpha)
    together = pairs_to_reach(adjusted.alpha / adjusted.tests)
    if significance.least_p >= adjusted.alpha:
        also = f", {together} where {adjusted.tests} tests are adjusted for" if adjusted.tests > 1 else ""
        return f"{text}: the least possible p is {significance.least_p:g}; it takes {alone} {noun}s{also}"
    least = f"the least possible p is {significance.least_p:g}, adjusted {adjusted.least:g}"
    return f"{text} where {adjusted.tests} tests are adjusted for: {least}; it takes {together} {noun}s"


def _disagreement(evidence: Evidence, adjusted: Adjusted) -> str:
    """That a test by signs or ranks says otherwise, where it does and so many pairs let it say so."""
    said = []
    for name in SIGN_TESTS:
        p = getattr(adjusted, name)
        could = getattr(evidence, name).least_p * adjusted.tests < adjusted.alpha
        if could and (adjusted.deciding < adjusted.alpha) != (p < adjusted.alpha):
            said.append(f"; {TEST_NAMES[name]} says otherwise (adjusted p {_p(p)})")
    return "".join(said)


def noun_of(evidence: Evidence) -> str:
    """What a pair of this evidence is called."""
    if evidence.crossed is not None:
        return "network"
    return "fold" if evidence.cross_validated else "pair"


def _pairs(count: int, evidence: Evidence) -> str:
    return f"{count} {noun_of(evidence)}{'' if count == 1 else 's'}"


def _p(value: float) -> str:
    return f"= {value:.2g}" if value >= 0.0001 else "< 0.0001"
