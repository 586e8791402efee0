"""The tables of docs/comparing.md on how few folds and pairs are too few are the ones the code gives."""

from pathlib import Path

from ramify.comparison.cross_validation import deviations_needed
from ramify.comparison.statistics import bootstrap_coverage, least_p

PAGE = Path(__file__).parents[2] / "docs" / "comparing.md"


def test_the_table_of_few_folds_is_computed():
    text = PAGE.read_text(encoding="utf-8")
    for folds in (2, 3, 4, 5, 6, 8, 10):
        needed = [deviations_needed(folds, 0.05 / tests, cross_validated=True) for tests in (1, 4, 12)]
        cells = " | ".join(f"{each:.1f}" for each in needed)
        assert f"| {folds} | {cells} | 1/{2**folds}, 1/{2 ** (folds - 1)} |" in text


def test_the_table_of_few_pairs_is_computed():
    text = PAGE.read_text(encoding="utf-8")
    for pairs in (3, 5, 6, 8, 10, 12, 20, 30):
        least = least_p(pairs)
        row = f"| {pairs} | {least:.2g} | {min(1, 4 * least):.2g} | {bootstrap_coverage(pairs):.0%} |"
        assert row in text
