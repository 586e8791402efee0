"""What published tables support is computed rightly, and docs/comparing.md has every row of it."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from docs.published_tables import (
    SADIKINE_TABLE_1,
    TABLES,
    PublishedValue,
    correlation_needed,
    differences_sd,
    largest_significant_sd,
    paired_t_interval,
    paired_t_p,
    spread_from_dice_and_jaccard,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "comparing.md"


def test_the_summary_gives_what_the_paired_values_give():
    pairs = np.random.default_rng(0).multivariate_normal([1.0, 0.6], [[1.0, 0.7], [0.7, 2.0]], 12)
    difference = pairs[:, 0] - pairs[:, 1]
    sds = pairs.std(axis=0, ddof=1)
    sd = differences_sd(*sds, np.corrcoef(pairs.T)[0, 1])
    test = stats.ttest_rel(*pairs.T)
    assert sd == pytest.approx(difference.std(ddof=1))
    assert paired_t_p(difference.mean(), sd, 12) == pytest.approx(test.pvalue)
    interval = test.confidence_interval(0.95)
    assert paired_t_interval(difference.mean(), sd, 12) == pytest.approx((interval.low, interval.high))


def test_values_that_move_together_differ_by_their_spreads_alone():
    assert differences_sd(3.0, 2.0, 1.0) == 1.0
    assert differences_sd(3.0, 2.0, -1.0) == 5.0
    assert differences_sd(0.3, 0.3, 1.0) == 0.0


@pytest.mark.parametrize("pairs", [5, 20])
def test_the_correlation_needed_is_where_p_becomes_significant(pairs):
    a, b = PublishedValue(10.0, 2.0), PublishedValue(8.5, 2.2)
    needed = correlation_needed(a, b, pairs)
    assert paired_t_p(1.5, differences_sd(2.0, 2.2, needed), pairs) == pytest.approx(0.05)
    assert paired_t_p(1.5, differences_sd(2.0, 2.2, needed + 0.01), pairs) < 0.05
    assert paired_t_p(1.5, largest_significant_sd(1.5, pairs), pairs) == pytest.approx(0.05)


def test_no_correlation_or_any():
    assert correlation_needed(PublishedValue(1.0, 4.0), PublishedValue(0.0, 2.0), 5) is None
    assert correlation_needed(PublishedValue(100.0, 4.0), PublishedValue(0.0, 2.0), 5) == -1.0
    assert correlation_needed(PublishedValue(1.0, 0.0), PublishedValue(0.0, 0.1), 5) == -1.0


def test_five_folds_do_not_show_the_gain_of_sadikine_et_al():
    """By hand: t(4) = 2.776, so the differences may spread by .79 √5 / 2.776 = .636; the two spreads differ by .86."""
    ours, binary = PublishedValue(55.04, 2.79), PublishedValue(54.25, 3.65)
    assert largest_significant_sd(0.79, 5) == pytest.approx(0.79 * math.sqrt(5) / 2.776, abs=1e-3)
    assert correlation_needed(ours, binary, 5) is None


def test_the_spread_of_dice_comes_back_from_its_mean_and_that_of_jaccard():
    dice = np.random.default_rng(0).normal(0.55, 0.08, 200_000)
    found = spread_from_dice_and_jaccard(dice.mean(), np.mean(dice / (2 - dice)))
    assert found.low == found.high == pytest.approx(0.08, rel=0.02)


def test_equal_cases_have_no_spread_and_rounding_leaves_a_range():
    assert spread_from_dice_and_jaccard(0.5, 1 / 3) == pytest.approx((0, 0), abs=1e-8)
    low, high = spread_from_dice_and_jaccard(0.5, 0.3333, 0.00005)
    assert low == 0.0
    assert 0 < high < 0.02
    assert spread_from_dice_and_jaccard(0.5, 0.30) is None


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_document_has_every_row(table):
    rows = table()
    assert len(rows) >= 2
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")


def test_the_command_prints_them():
    command = [sys.executable, ROOT / "docs" / "published_tables.py"]
    printed = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    assert printed.strip().split("\n\n") == ["\n".join(table()) for table in TABLES]


def test_the_sentences_hold_too():
    """What the document concludes from the tables, number by number."""
    binary, ours = SADIKINE_TABLE_1["binary"], SADIKINE_TABLE_1["λ_c ≠ 0"]
    text = PAGE.read_text(encoding="utf-8")
    assert ours["Dice"].mean - binary["Dice"].mean == pytest.approx(0.79)
    least, needed = differences_sd(binary["Dice"].sd, ours["Dice"].sd, 1.0), largest_significant_sd(0.79, 5)
    assert f"an sd of {least:.2f}, and {needed:.2f} would be needed" in " ".join(text.split())
    over_cases = correlation_needed(ours["Dice"], binary["Dice"], 20)
    assert f"it would take r of about {over_cases:.2f}" in " ".join(text.split())
