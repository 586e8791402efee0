"""The tables in docs/comparing.md are the ones the code prints."""

from pathlib import Path

import pytest

from ramify.comparison import published
from ramify.comparison.cross_validation import deviations_needed
from ramify.comparison.published import SADIKINE_TABLE_1, TABLES
from ramify.comparison.statistics import bootstrap_coverage, least_p
from ramify.comparison.unpaired import correlation_needed, differences_sd, largest_significant_sd

DOCUMENT = Path(published.__file__).parents[1] / "docs" / "comparing.md"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_document_has_every_row(table):
    rows = table()
    assert len(rows) >= 2
    assert "\n".join(rows) in DOCUMENT.read_text(encoding="utf-8")


def test_the_command_prints_them(capsys):
    published.main()
    printed = capsys.readouterr().out.strip().split("\n\n")
    assert printed == ["\n".join(table()) for table in TABLES]


def test_the_sentences_hold_too():
    """What the document concludes from the tables, number by number."""
    binary, ours = SADIKINE_TABLE_1["binary"], SADIKINE_TABLE_1["λ_c ≠ 0"]
    text = DOCUMENT.read_text(encoding="utf-8")
    assert ours["Dice"].mean - binary["Dice"].mean == pytest.approx(0.79)
    least, needed = differences_sd(binary["Dice"].sd, ours["Dice"].sd, 1.0), largest_significant_sd(0.79, 5)
    assert f"an sd of {least:.2f}, and {needed:.2f} would be needed" in " ".join(text.split())
    over_cases = correlation_needed(ours["Dice"], binary["Dice"], 20)
    assert f"it would take r of about {over_cases:.2f}" in " ".join(text.split())


def test_the_table_of_few_folds_is_computed():
    text = DOCUMENT.read_text(encoding="utf-8")
    for folds in (2, 3, 4, 5, 6, 8, 10):
        needed = [deviations_needed(folds, 0.05 / tests, cross_validated=True) for tests in (1, 4, 12)]
        cells = " | ".join(f"{each:.1f}" for each in needed)
        assert f"| {folds} | {cells} | 1/{2**folds}, 1/{2 ** (folds - 1)} |" in text


def test_the_table_of_few_pairs_is_computed():
    text = DOCUMENT.read_text(encoding="utf-8")
    for pairs in (3, 5, 6, 8, 10, 12, 20, 30):
        least = least_p(pairs)
        row = f"| {pairs} | {least:.2g} | {min(1, 4 * least):.2g} | {bootstrap_coverage(pairs):.0%} |"
        assert row in text
