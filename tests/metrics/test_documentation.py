"""docs/metrics.md has a row for every measure, and it says what the code says."""

import re
from pathlib import Path

import pytest

from ramify import metrics
from ramify.metrics.families import FAMILIES, measures_of
from ramify.metrics.measure import Measure
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.table import to_markdown

PAGE = (Path(metrics.__path__[0]).parent / "docs" / "metrics.md").read_text(encoding="utf-8")
EVERYTHING = EvaluationSettings.model_validate({"measures": ["all"], "topology": {"patch_voxels": 8}})
MEASURES = measures_of(EVERYTHING)


def row_of(measure: Measure) -> str:
    """A measure's row; scales are all alike and have one, of scale s."""
    return re.sub(r"(scale_|scale |territory |T_)\d", r"\1s", to_markdown([measure]))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_every_measure_has_its_row(measure: Measure):
    assert row_of(measure) in PAGE.splitlines()


def test_every_row_is_that_of_a_measure():
    keys = re.findall(r"^\| `([a-z_0-9]+)` \|(?:[^|\\]|\\.)*\|[^|]*\| 0 ", PAGE, flags=re.MULTILINE)
    assert len(keys) > 30
    assert set(keys) == {re.sub(r"scale_\d", "scale_s", measure.name) for measure in MEASURES}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_a_heading(family: str):
    assert f"\n### {family}\n" in PAGE
