"""Every picture of the pages is shown somewhere, and stands with the command that draws it."""

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tests.docs.pages import PAGES, ROOT, links_of, text_of

IMAGES = {path.name for path in (ROOT / "docs" / "images").iterdir()}


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_shown_on_a_page():
    shown = {Path(link).name for page in PAGES for link in links_of(text_of(page)) if "images/" in link}
    assert shown == IMAGES


def test_every_picture_stands_with_its_command():
    section = text_of(ROOT / "CONTRIBUTING.md").partition("\n## Pictures\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    named = [name.strip("` ") for _, names, *_ in rows for name in names.split(",")]
    assert sorted(named) == sorted(IMAGES)


def test_pictures_stand_beside_each_other_at_one_height(gallery: ModuleType):
    parts = []
    for width, height, grey in ((10, 40, 50), (30, 20, 200)):
        content = io.BytesIO()
        Image.fromarray(np.full((height, width, 3), grey, np.uint8)).save(content, "PNG")
        parts.append(content.getvalue())
    joined = np.asarray(Image.open(io.BytesIO(gallery.beside(parts))).convert("RGB"))
    assert joined.shape == (20, 5 + 12 + 30, 3)
    assert (joined[:, 0, 0] == 50).all()
    assert (joined[:, 5:17] == 255).all()
    assert (joined[:, -1, 0] == 200).all()


def test_a_picture_takes_the_place_of_one_that_git_has(gallery: ModuleType, tmp_path: Path):
    (tmp_path / "report.png").write_bytes(b"of a checkout")
    gallery.put(b"drawn anew", tmp_path / "report.png")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"report.png": b"drawn anew"}


def test_a_gallery_needs_a_demo(gallery: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--demo", str(tmp_path), "--output", str(tmp_path / "out")])
    with pytest.raises(FileNotFoundError, match="make demo writes it"):
        gallery.main()
    assert not (tmp_path / "out").exists()
