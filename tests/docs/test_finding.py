"""Whoever knows only the README finds every page, folder and command in at most two steps."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of, links_of, text_of

README = ROOT / "README.md"
QUESTIONS = {
    "where anchors of the contrast are chosen": "`losses/anchors.py`",
    "what a label of 2 does": "`data/labelled_file.py`",
    "a loss": "CONTRIBUTING.md#a-loss",
    "a data set": "CONTRIBUTING.md#a-data-set",
    "a radius estimator": "CONTRIBUTING.md#a-radius-estimator",
    "a measure": "CONTRIBUTING.md#a-measure",
    "how deep the network is": "`models/settings.py`",
}
"""What readers were seen to look for, and where they are led."""


def pages_linked_from(page: Path) -> set[Path]:
    places = [link.partition("#")[0] for link in links_of(text_of(page)) if not link.startswith("http")]
    return {(page.parent / place).resolve() for place in places if place.endswith(".md")}


def test_every_page_is_two_steps_from_the_readme():
    first = pages_linked_from(README)
    reached = first | {page for near in first for page in pages_linked_from(near)}
    pages = set((ROOT / "docs").glob("*.md"))
    assert len(pages) > 10
    assert pages <= reached


def test_the_table_of_all_pages_has_all_pages():
    table = text_of(ROOT / "docs" / "where_is.md").partition("\n## All pages\n")[2]
    listed = {Path(link).name for link in links_of(table)}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - listed == {"where_is.md"}


def test_the_readme_leads_to_the_way_signs_before_anything_else():
    assert "docs/where_is.md" in links_of(text_of(README))[:3]


@pytest.mark.parametrize(("question", "answer"), QUESTIONS.items(), ids=QUESTIONS.values())
def test_what_readers_look_for_stands_on_one_line(question: str, answer: str):
    lines = text_of(ROOT / "docs" / "where_is.md").splitlines()
    assert [line for line in lines if question in line and answer in line]


def test_the_readme_lists_every_room_and_command():
    tree = next(block.text for block in blocks_of(text_of(README)) if "preprocess.py    " in block.text)
    listed = set(re.findall(r"^([\w.]+/?) ", tree, flags=re.MULTILINE))
    rooms = {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py") if path.parent.name != "ramify"}
    assert rooms | {path.name for path in ROOT.glob("*.py")} <= listed
    assert all((ROOT / name).exists() for name in listed)
