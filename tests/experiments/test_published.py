"""The tables in docs/comparing.md are the ones the code prints."""

from pathlib import Path

import pytest

import experiments.published
from experiments.published import TABLES

DOCUMENT = Path(experiments.published.__file__).parents[1] / "docs" / "comparing.md"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_document_has_every_row(table):
    rows = table()
    assert len(rows) >= 2
    assert "\n".join(rows) in DOCUMENT.read_text(encoding="utf-8")


def test_the_command_prints_them(capsys):
    experiments.published.main()
    printed = capsys.readouterr().out.strip().split("\n\n")
    assert printed == ["\n".join(table()) for table in TABLES]
