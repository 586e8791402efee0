import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.comparison.results import RunResults
from ramify.comparison.spread import run_mean, spread_of


def test_a_mean_over_folds_each_the_mean_over_its_seeds():
    # Folds 1 (0.4 and 0.6) and 2 (0.7 and 0.9): means 0.5 and 0.8; either way 0.02 = 2 · 0.1² within a fold.
    found = spread_of({(1, 0): 0.4, (1, 1): 0.6, (2, 0): 0.7, (2, 1): 0.9})
    assert found is not None
    assert found.mean == pytest.approx(0.65)
    assert found.sd_folds == pytest.approx(math.sqrt(2 * 0.15**2))
    assert found.sd_seeds == pytest.approx(math.sqrt((0.02 + 0.02) / 2))
    assert (found.folds, found.runs) == (2, 4)


def test_a_fold_counts_once_however_many_seeds_it_has():
    found = spread_of({(0, 0): 0.2, (0, 1): 0.4, (1, 0): 0.9})
    assert found is not None
    assert found.mean == pytest.approx((0.3 + 0.9) / 2)
    assert found.sd_seeds == pytest.approx(math.sqrt(0.02))


def test_what_a_single_run_does_not_tell():
    assert spread_of({(0, 0): 0.5}) == (0.5, None, None, 1, 1)
    assert spread_of({}) is None


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=6))
def test_seeds_that_agree_leave_the_spread_of_folds_alone(values):
    table = np.array(values)
    found = spread_of({(fold, seed): table[fold, seed] for fold in range(len(table)) for seed in range(3)})
    assert found is not None
    assert found.mean == pytest.approx(table.mean())
    assert found.sd_folds == pytest.approx(table.mean(axis=1).std(ddof=1), abs=1e-9)
    assert found.sd_seeds == pytest.approx(np.sqrt(table.var(axis=1, ddof=1).mean()), abs=1e-9)


def test_undefined_values_are_in_no_mean():
    results = RunResults({"a": {"dice": 0.5, "x": None}, "b": {"dice": 0.7, "x": 2.0}, "c": {"dice": None, "x": None}})
    assert run_mean(results, "dice") == pytest.approx(0.6)
    assert run_mean(results, "x") == 2.0
    assert run_mean(results, "nothing") is None
