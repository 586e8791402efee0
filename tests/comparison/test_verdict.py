import dataclasses

import numpy as np
import pytest

from ramify.comparison.evidence import Evidence, weigh
from ramify.comparison.statistics import Interval, Significance, pairs_for_a_verdict
from ramify.comparison.verdict import Adjusted, Better, judge

GAIN = np.linspace(0.01, 0.05, 10)


def evidence_of(differences) -> Evidence:
    found = weigh(0.5 + np.asarray(differences), np.full(len(differences), 0.5), units=range(len(differences)))
    assert found is not None
    return found


def adjusted(evidence: Evidence, tests: int = 1, **changed) -> Adjusted:
    """What Holm makes of a test whose p is the smallest of several."""
    values = {
        "wilcoxon": evidence.wilcoxon.p,
        "permutation": evidence.permutation.p,
        "least": evidence.wilcoxon.least_p,
    }
    raised = {name: min(1.0, tests * p) for name, p in values.items()}
    return Adjusted(**{**raised, "tests": tests, "decide_by": "wilcoxon", "alpha": 0.05, **changed})


@pytest.mark.parametrize(
    ("sign", "better", "word"),
    [(1, "higher", "better"), (-1, "higher", "worse"), (1, "lower", "worse"), (-1, "lower", "better")],
)
def test_better_and_worse_follow_the_measures_direction(sign: int, better: Better, word: str):
    evidence = evidence_of(sign * GAIN)
    verdict = judge(evidence, adjusted(evidence), better)
    assert verdict.word == word
    assert verdict.reason == f"adjusted p = 0.002, interval {'above' if sign > 0 else 'below'} 0"


def test_without_a_direction_it_is_higher_or_lower():
    for sign, word in ((1, "higher"), (-1, "lower")):
        evidence = evidence_of(sign * GAIN)
        assert judge(evidence, adjusted(evidence), None).word == word


def test_five_pairs_cannot_show_anything():
    evidence = evidence_of(GAIN[:5])
    verdict = judge(evidence, adjusted(evidence), "higher")
    assert verdict.word == "too few pairs"
    assert verdict.reason == (
        "5 pairs cannot reach p < 0.05 two-sided by Wilcoxon's signed-rank test: "
        "the least possible p is 0.0625; it takes 6 pairs"
    )
    among_four = judge(evidence, adjusted(evidence, tests=4), "higher")
    assert among_four.reason.endswith("it takes 6 pairs, 8 where 4 tests are adjusted for")


def test_seven_pairs_cannot_among_four_tests():
    evidence = evidence_of(GAIN[:7])
    assert judge(evidence, adjusted(evidence), "higher").word == "better"
    verdict = judge(evidence, adjusted(evidence, tests=4), "higher")
    assert verdict.word == "too few pairs"
    assert (
        "where 4 tests are adjusted for: the least possible p is 0.015625, adjusted 0.0625; it takes 8"
        in verdict.reason
    )


def test_no_claim_where_nobody_says_which_values_share_their_luck():
    told, untold = evidence_of(GAIN), weigh(0.5 + GAIN, np.full(10, 0.5))
    assert untold is not None
    assert dataclasses.replace(untold, told=True) == told
    verdict = judge(untold, adjusted(untold), "higher")
    assert verdict.word == "no evidence"
    assert verdict.reason == (
        "adjusted p = 0.002 if every case stood alone: which cases share a network was not told, and two trainings of "
        "one method differ by luck"
    )


def test_five_folds_can_be_told_apart_by_the_t_test_and_not_by_signs():
    gains = np.repeat([0.05, 0.055, 0.06, 0.05, 0.052], 4)
    evidence = weigh(0.5 + gains, np.full(20, 0.5), units=np.repeat(range(5), 4).tolist(), cross_validated=True)
    assert evidence is not None
    assert (evidence.pairs, evidence.cases) == (5, 20)
    by_t = judge(evidence, adjusted(evidence, t=evidence.t.p, decide_by="t", least=0.0), "higher")
    assert by_t.word == "better"
    assert "says otherwise" not in by_t.reason, "signs of five folds could not have said so"
    by_signs = judge(evidence, adjusted(evidence), "higher")
    assert by_signs.word == "too few folds"
    assert by_signs.reason.startswith("5 folds cannot reach p < 0.05 two-sided by Wilcoxon's signed-rank test")
    assert by_signs.reason.endswith("it takes 6 folds")


def test_one_fold_shows_nothing():
    evidence = weigh(0.5 + GAIN, np.full(10, 0.5), units=["fold"] * 10, cross_validated=True)
    assert evidence is not None
    assert (evidence.pairs, evidence.interval) == (1, None)
    verdict = judge(evidence, adjusted(evidence, t=1.0, decide_by="t", least=1.0), "higher")
    assert (verdict.word, verdict.reason) == (
        "too few folds",
        "whatever p the t test gives, that all of 1 fold lie to one side has a chance of 1/2, above 0.05; a verdict "
        "takes 5 folds",
    )


def folds_apart(count: int, alpha: float = 0.05):
    """The verdict on folds that hardly spread: 0.05 better in the first, a millionth more in each further one."""
    gains = 0.05 + 1e-6 * np.arange(count)
    evidence = weigh((0.5 + gains).tolist(), np.full(count, 0.5), units=range(count), cross_validated=True)
    assert evidence is not None
    assert evidence.t.p < 0.001
    return judge(evidence, adjusted(evidence, t=evidence.t.p, decide_by="t", least=0.0, alpha=alpha), "higher")


@pytest.mark.parametrize("count", [2, 3, 4])
def test_whatever_the_t_test_says_four_folds_are_too_few(count):
    """By hand: all of 2, 3, 4 folds to one side have a chance of 1/4, 1/8, 1/16, which are above 1/20; 1/32 is not."""
    verdict = folds_apart(count)
    assert (verdict.word, verdict.is_claim) == ("too few folds", False)
    assert f"a chance of 1/{2**count}, above 0.05; a verdict takes 5 folds" in verdict.reason
    assert folds_apart(5).is_claim


def test_how_many_are_too_few_goes_by_alpha():
    assert [pairs_for_a_verdict(alpha) for alpha in (0.3, 0.1, 1 / 16, 0.05, 1 / 32, 0.01)] == [2, 4, 4, 5, 5, 7]
    assert folds_apart(4, alpha=0.1).word == "better"
    assert folds_apart(5, alpha=0.01).word == "too few folds"


def test_equal_differences_are_judged_by_signs_which_five_folds_are_too_few_for():
    evidence = weigh(np.full(5, 0.75), np.full(5, 0.5), units=range(5), cross_validated=True)
    assert evidence is not None
    verdict = judge(evidence, adjusted(evidence, t=1 / 16, decide_by="t", least=1 / 16), "higher")
    assert (verdict.word, verdict.reason) == (
        "too few folds",
        "5 folds cannot reach p < 0.05 two-sided by signs, every difference the same: the least possible p is 0.0625; "
        "it takes 6 folds",
    )


def test_pairs_that_do_not_differ_do_not_count_as_pairs():
    evidence = evidence_of([*GAIN[:5], 0, 0, 0])
    assert "5 pairs that differ cannot reach" in judge(evidence, adjusted(evidence), "higher").reason


def test_the_permutation_test_can_decide():
    evidence = evidence_of(GAIN[:5])
    assert "by the permutation test" in judge(evidence, adjusted(evidence, decide_by="permutation"), "higher").reason


def test_a_large_p_is_no_evidence_and_a_test_that_disagrees_is_named():
    evidence = evidence_of([*GAIN, *-GAIN])
    assert judge(evidence, adjusted(evidence), "higher").reason == "adjusted p = 1"
    split = judge(evidence_of(GAIN), adjusted(evidence_of(GAIN), wilcoxon=0.06, permutation=0.04), "higher")
    assert split.word == "no evidence"
    assert split.reason == "adjusted p = 0.06; the permutation test says otherwise (adjusted p = 0.04)"
    other = judge(evidence_of(GAIN), adjusted(evidence_of(GAIN), permutation=0.07), "higher")
    assert other.word == "better"
    assert other.reason.endswith("; the permutation test says otherwise (adjusted p = 0.07)")


def test_no_claim_where_ranks_and_mean_disagree():
    """Most cases a little better, two far worse: the ranks say better, the interval of the mean holds 0."""
    evidence = evidence_of([*np.linspace(0.01, 0.02, 30), -0.2, -0.3])
    assert evidence.wilcoxon.p < 0.05
    verdict = judge(evidence, adjusted(evidence), "higher")
    assert verdict.word == "no evidence"
    assert "the interval of the mean difference holds 0" in verdict.reason


def test_no_claim_where_ranks_go_one_way_and_the_mean_the_other():
    significant = Significance(0.001, 0.0001, "exact")
    tests = (significant, significant, -0.5, 0.6, significant)
    evidence = Evidence(9, 9, 0.4, 0.1, 0.5, 0.1, -0.1, Interval(-0.2, -0.01), *tests, cases=9)
    verdict = judge(evidence, adjusted(evidence), "higher")
    assert verdict.word == "no evidence"
    assert "the ranks go one way and the mean the other" in verdict.reason


def test_equal_gains_in_every_pair_are_a_claim_and_said_to_be_so():
    evidence = evidence_of([0.25] * 8)
    verdict = judge(evidence, adjusted(evidence), "higher")
    assert verdict.word == "better"
    assert "every difference the same" in verdict.reason


def test_no_claim_without_an_interval():
    evidence = dataclasses.replace(evidence_of(GAIN), interval=None)
    verdict = judge(evidence, adjusted(evidence), "higher")
    assert (verdict.word, verdict.reason) == (
        "no evidence",
        "adjusted p = 0.002, but the mean difference has no interval",
    )


def test_nothing_to_compare():
    assert judge(None, None, "higher").reason == "no pair has a value"
    assert judge(evidence_of([0.0, 0.0]), None, "higher").reason == "the values of 2 pairs are equal"
    assert judge(evidence_of([0.0]), None, "higher").reason == "the values of 1 pair are equal"


def test_evidence_without_pairs_and_of_one():
    assert weigh([], []) is None
    one = weigh([0.7], [0.5])
    assert (one.pairs, one.sd, one.interval, one.cohen_dz, one.effect) == (1, None, None, None, 0.0)
    assert one.wilcoxon.p == one.permutation.p == 1.0
    same = weigh([0.7, 0.8, 0.9], [0.5, 0.6, 0.7])
    assert same.cohen_dz is None
    assert same.effect == float("inf")
