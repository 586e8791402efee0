"""Simulated experiments: what is drawn has the variance it is said to have, and the tables have their rows."""

import itertools
import math

import numpy as np
import pytest

from benchmarks import verdicts
from benchmarks.simulated_experiments import DISTRIBUTIONS, Design, Learners, differences, learned_differences


def test_every_table_is_printed(capsys, monkeypatch):
    monkeypatch.setattr(verdicts, "SHARES", (0.0, 0.5))
    monkeypatch.setattr(verdicts, "EFFECTS", (2.0,))
    verdicts.main(["--experiments", "10", "--seed", "1"])
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith("10 experiments a number: standard error of 5 %: ")
    tables = [line for line in told if line.startswith("| ") and "---" not in line]
    headers = [line for line, below in itertools.pairwise(told) if below.startswith("| ---")]
    assert len(headers) == 4
    rows = [line for line in tables if line not in headers]
    assert len(rows) == 2 + 3 + len(verdicts.designs()) + 5
    for row in rows:
        shares = [float(cell.strip(" %")) for cell in row.strip("| ").split("|")[1:]]
        assert shares
        assert all(0 <= share <= 100 for share in shares)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_has_mean_0_and_variance_1(name):
    drawn = DISTRIBUTIONS[name](np.random.default_rng(0), (400_000,))
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    # Three degrees of freedom have no fourth moment: their variance is seen but slowly.
    assert drawn.var() == pytest.approx(1, abs=0.1 if "t, 3 df" in name else 0.02)


def test_cases_of_a_fold_share_what_they_are_said_to():
    design = Design(cases=(2, 2), shared=0.3, effect=0.7)
    drawn = np.array(list(differences(design, 40_000, seed=0)))
    assert drawn.shape == (40_000, 4)
    covariance = np.cov(drawn.T)
    expected = [[1, 0.3, 0, 0], [0.3, 1, 0, 0], [0, 0, 1, 0.3], [0, 0, 0.3, 1]]
    np.testing.assert_allclose(covariance, expected, atol=0.03)
    np.testing.assert_allclose(drawn.mean(axis=0), 0.7, atol=0.03)


def test_seeds_average_the_luck_of_the_networks_alone():
    drawn = np.array(list(differences(Design(cases=(2,), shared=0.4, seeds=4), 40_000, seed=0)))
    np.testing.assert_allclose(np.cov(drawn.T), [[0.7, 0.1], [0.1, 0.7]], atol=0.03)


def test_learners_are_equally_good_and_have_cases_of_their_own():
    drawn = np.array(list(learned_differences(Learners(12, 3, 2), 1500, seed=0)))
    assert drawn.shape == (1500, 12)
    error = drawn.mean(axis=1).std() / math.sqrt(1500)
    assert abs(drawn.mean()) < 4 * error
    again = np.array(list(learned_differences(Learners(12, 3, 2), 3, seed=0)))
    np.testing.assert_array_equal(again, drawn[:3])


@pytest.mark.parametrize(
    ("found", "claimed"),
    [
        # Five folds of one case each, means 1 to 1.4: t = 1.2 / (0.158 / √5) = 17, and all signs alike are p = 1/16.
        ([1.0, 1.1, 1.2, 1.3, 1.4], {"folds, t": True, "folds, signs": False, "folds, bootstrap": True}),
        ([1.0, -1.1, 1.2, -1.3, 0.1], {"folds, t": False, "folds, signs": False, "folds, bootstrap": False}),
    ],
)
def test_claims_by_hand(found, claimed):
    values, folds = np.array(found), [0, 1, 2, 3, 4]
    assert {name: verdicts.CLAIMS[name](values, folds) for name in claimed} == claimed
    strict = verdicts.CLAIMS["folds, corrected t (the verdict)"](values, folds)
    # t shrinks by √(1 + 5 / 4): 17 becomes 11.
    assert strict is claimed["folds, t"]


def test_cases_count_as_pairs_where_that_is_claimed():
    values = np.linspace(0.5, 1.5, 8)
    assert verdicts.verdict_of_cases(values, [0] * 8)
    assert not verdicts.verdict_of_cases(values * np.array([1, -1] * 4), [0] * 8)


def test_shares_are_of_all_experiments():
    drawn = [np.array([1.0, 1.1, 1.2, 1.3, 1.4]), np.array([1.0, -1.1, 1.2, -1.3, 0.1])] * 2
    assert verdicts.shares({"t": verdicts.plain_t}, drawn, [0, 1, 2, 3, 4]) == ["50.0%"]
