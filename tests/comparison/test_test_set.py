"""Networks on one test set: the layout by hand, a false-positive rate that holds, and what it takes to see more."""

import numpy as np
import pytest
from scipy import stats

from ramify.comparison.comparison import compare
from ramify.comparison.comparison_table import format_comparison
from ramify.comparison.results import RunResults, Variant
from ramify.comparison.settings import ComparisonSettings
from ramify.comparison.test_set import (
    as_grid,
    crossed_interval,
    crossed_spread,
    crossed_t_test,
    networks_needed,
)


def test_variances_by_hand():
    # Row means 2, 4; column means 1, 5, 3; what is left is (-1, 1, 0) and (1, -1, 0).
    grid = np.array([[-1.0, 5.0, 2.0], [3.0, 5.0, 4.0]])
    spread = crossed_spread(grid)
    assert spread.mean == 3.0
    ms_networks, ms_cases, ms_left = 6.0, 2 * 8 / 2, 4 / 2
    assert spread.of_networks == pytest.approx(ms_networks / 6)
    assert spread.of_cases == pytest.approx((ms_cases - ms_left) / 6)
    assert spread.freedom == pytest.approx(1.0)  # never more than N - 1
    assert crossed_t_test(grid).p == pytest.approx(2 * stats.t.sf(3 / np.sqrt(2), 1))
    interval = crossed_interval(grid)
    assert interval is not None
    assert interval.high - 3 == pytest.approx(stats.t.isf(0.025, 1) * np.sqrt(2))


def test_one_case_leaves_the_t_test_of_networks():
    values = np.array([0.1, 0.3, 0.2, 0.4])
    assert crossed_t_test(values[:, None]).p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_differences_without_a_spread_are_judged_by_signs():
    assert crossed_t_test(np.full((4, 3), 0.2)).p == 2 / 2**4
    assert crossed_t_test(np.zeros((4, 3))).p == 1.0
    assert crossed_t_test(np.array([[0.2, 0.3]])).p == 1.0


def test_a_grid_needs_every_case_of_every_network():
    grid = as_grid(np.array([1.0, 2.0, 3.0, 5.0, 4.0]), list("aabab"), list("xyxyy"))
    assert grid.tolist() == [[1.0, 3.5], [3.0, 4.0]]  # two scans of patient y in network a are averaged
    with pytest.raises(ValueError, match="b has no value for y"):
        as_grid(np.array([1.0, 2.0, 3.0]), list("aab"), list("xyx"))


@pytest.mark.parametrize("networks", [2, 3, 5, 10])
@pytest.mark.parametrize(
    "luck",
    [(0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (1.0, 0.0, 0.1), (0.0, 1.0, 0.1), (1.0, 1.0, 1.0), (0.3, 1.0, 0.3)],
    ids=["left", "networks", "networks alone", "cases alone", "both", "mostly cases"],
)
def test_two_equal_methods_are_hardly_ever_told_apart(networks, luck):
    """At most 6 % of 1500 experiments of 20 images: the standard error of 5 % is 0.6 %, so that 6.8 % may be seen."""
    draw = np.random.default_rng(networks)
    of_networks, of_cases, left = luck
    found = [
        crossed_t_test(
            of_networks * draw.normal(size=(networks, 1))
            + of_cases * draw.normal(size=(1, 20))
            + left * draw.normal(size=(networks, 20))
        ).p
        for _ in range(1500)
    ]
    assert np.mean(np.array(found) < 0.05) < 0.068


def test_networks_that_are_needed_are_those_that_suffice():
    draw = np.random.default_rng(1)

    def power(networks: int) -> float:
        grids = (0.5 + 0.5 * draw.normal(size=(networks, 1)) + draw.normal(size=(networks, 20)) for _ in range(1000))
        return float(np.mean([crossed_t_test(grid).p < 0.05 for grid in grids]))

    # Variance of the mean 0.3 / N, none of the cases.
    spread = crossed_spread(np.zeros((10, 20)))._replace(mean=0.5, of_networks=0.03, of_cases=0.0)
    needed = networks_needed(spread, level=0.05, power=0.8)
    assert needed is not None
    assert power(needed - 3) < 0.8 < power(needed + 2)
    assert networks_needed(spread._replace(mean=50.0), 0.05, 0.8, fewest=5) == 5
    assert networks_needed(spread._replace(mean=0.0), 0.05, 0.8) is None
    assert networks_needed(spread._replace(of_cases=1.0), 0.05, 0.8) is None, "more cases are, and no more networks"


def runs(shift: float, count: int, names: bool = True) -> tuple[RunResults, ...]:
    draw = np.random.default_rng(0)
    return tuple(
        RunResults(
            {f"case_{i}": {"dice": 0.7 + shift + 0.01 * draw.normal() + 0.02 * i} for i in range(5)},
            network=f"seed {number}" if names else "",
        )
        for number in range(count)
    )


@pytest.mark.parametrize("names", [True, False])
def test_networks_are_the_pairs_where_all_are_scored_on_the_same_cases(names):
    comparison = compare([Variant("a", runs(0, 6, names)), Variant("b", runs(0.03, 6, names))], ["dice"])
    assert (comparison.pairing.unit, comparison.pairing.pairs, comparison.decide_by) == ("network", 6, "t")
    (difference,) = comparison.differences
    assert difference.evidence is not None
    assert (difference.evidence.pairs, difference.evidence.cases) == (6, 5)
    assert difference.evidence.difference == pytest.approx(0.03)
    text = format_comparison(comparison)
    assert "the 6 networks are the pairs, all scored on the same 5 cases" in text
    assert "averaged before the tests" not in text


def test_networks_are_paired_by_their_names():
    two = runs(0.0, 3)
    turned = tuple(RunResults(run.rows, network=run.network) for run in reversed(two))
    comparison = compare([Variant("a", two), Variant("b", turned)], ["dice"])
    assert comparison.differences[0].evidence is not None
    assert comparison.differences[0].evidence.differing == 0


def test_a_network_that_one_variant_lacks():
    variants = [Variant("a", runs(0, 3)), Variant("b", runs(0.1, 2))]
    with pytest.raises(ValueError, match="b has no seed 2; add it, or add --common"):
        compare(variants, ["dice"])
    assert compare(variants, ["dice"], ComparisonSettings(common=True)).pairing.networks == ("seed 0", "seed 1")
    unnamed = [Variant("a", runs(0, 3, names=False)), Variant("b", runs(0.1, 2, names=False))]
    assert compare(unnamed, ["dice"]).pairing.unit == "case"
    with pytest.raises(ValueError, match="--unit network: expected two networks or more of each name"):
        compare(unnamed, ["dice"], ComparisonSettings(unit="network"))


def test_cases_of_a_patient_count_as_one():
    variants = [Variant("a", runs(0, 3)), Variant("b", runs(0.1, 3))]
    patient_of = {f"case_{i}": f"patient_{i // 2}" for i in range(5)}
    (difference,) = compare(variants, ["dice"], patient_of=patient_of).differences
    assert difference.evidence is not None
    assert difference.evidence.cases == 3


def test_a_measure_that_one_network_lacks_for_a_case_makes_no_pair_of_it():
    first = runs(0, 3)
    rows = {**first[0].rows, "case_0": {"dice": None}}
    variants = [Variant("a", (RunResults(rows, network="seed 0"), *first[1:])), Variant("b", runs(0.1, 3))]
    (difference,) = compare(variants, ["dice"]).differences
    assert difference.paired.undefined == {"case_0": ("a",)}
    assert difference.evidence is not None
    assert difference.evidence.cases == 4
