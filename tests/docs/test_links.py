"""What pages point to is there: files, headings, and the names of modules and functions."""

import importlib
import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors_of, code_in, links_of, name_of, prose_of, text_of

GIVEN_BY_USERS = {"configs/mine.yaml", "configs/preprocessing/mine.yaml", "configs/experiments/mine.yaml"}
"""What docs/experiments.md asks its reader to write."""
OUTPUTS = {"output", "runs", "dist"}
"""Folders that commands write, there or not."""
NAME = re.compile(r"ramify\.[a-z_]+(?:\.\w+)*")
FILE = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.(?:py|yaml|md|toml|css|js|ipynb|yml)")


def test_anchors_are_those_of_github():
    text = "# The `a_b` page\n\n## What's [new](x.md), v2.0?\n\n## Twice\n\n```\n# no heading\n```\n\n## Twice\n"
    assert anchors_of(text) == {"the-a_b-page", "whats-new-v20", "twice", "twice-1"}


def test_links_are_seen_in_prose_alone():
    text = "[a](b.md#c) ![d](e.png)\n`[f](g)`\n```\n[h](i)\n```\n[with `code`](j.md)"
    assert links_of(text) == ["b.md#c", "e.png", "j.md"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path):
    for link in links_of(text_of(page)):
        if re.match(r"https?://|mailto:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{name_of(page)} links to {link}, which is not there"
        assert ROOT in [target, *target.parents], f"{name_of(page)} links to {link}, outside the checkout"
        if anchor:
            assert anchor in anchors_of(text_of(target)), f"{name_of(page)} links to {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_is_named_is_there(page: Path):
    if page.name == "CHANGELOG.md":
        return  # It names what there was.
    for words in code_in(prose_of(text_of(page))):
        if (
            FILE.fullmatch(words)
            and "NAME" not in words
            and words.partition("/")[0] in {path.name for path in ROOT.iterdir()} - OUTPUTS
        ):
            assert (ROOT / words).exists() or words in GIVEN_BY_USERS, f"{name_of(page)} names {words}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_name_of_ours_can_be_imported(page: Path):
    if page.name == "CHANGELOG.md":
        return
    for words in code_in(prose_of(text_of(page))):
        if NAME.fullmatch(words):
            assert is_ours(words), f"{name_of(page)} names {words}, which there is not"


def is_ours(name: str) -> bool:
    """Whether a dotted name is that of a module, or of something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False
