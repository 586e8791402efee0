"""docs/five_minutes.md does what it says, block after block, and the notebook is the same."""

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from matplotlib.image import imread

from docs.write_notebook import NOTEBOOK, PAGE, notebook
from tests.docs.pages import blocks_of, text_of

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
TEXT = text_of(PAGE)


def numbers_and_words(text: str) -> tuple[list[float], list[str]]:
    """The numbers of a text, and what stands between them."""
    return [float(number) for number in NUMBER.findall(text)], NUMBER.sub("#", text).split()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """The folder the blocks ran in, one after the other in one namespace; what each was to print, and printed."""
    folder, namespace, pairs = tmp_path_factory.mktemp("five_minutes"), {"__name__": "five_minutes"}, []
    blocks = blocks_of(TEXT)
    with contextlib.chdir(folder):
        for block, following in zip(blocks, [*blocks[1:], None]):
            if block.language != "python":
                continue
            shown = following.text if following and not following.language else ""
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, f"five_minutes.md:{block.line}", "exec"), namespace)
            pairs.append((shown, printed.getvalue()))
    return folder, pairs


def test_every_block_prints_what_the_page_shows(ran):
    assert len(ran[1]) >= 7
    for shown, printed in ran[1]:
        expected, words = numbers_and_words(shown)
        found, other_words = numbers_and_words(printed)
        assert words == other_words
        # The last digit shown may round the other way elsewhere.
        assert found == pytest.approx(expected, rel=0.02, abs=2e-3)


def test_the_picture_shows_all_scales(ran):
    picture = imread(ran[0] / "scales.png")[..., :3]
    red, green, blue = picture.reshape(-1, 3).T
    yellow, violet = (red > blue + 0.3) & (green > blue + 0.3), (blue > green + 0.1) & (red > green + 0.1)
    assert yellow.sum() > 100
    assert violet.sum() > 100


def test_the_notebook_is_that_of_the_page():
    assert NOTEBOOK.read_text(encoding="utf-8") == notebook(TEXT), "run `python docs/write_notebook.py`"


def test_code_cells_of_the_notebook_are_the_blocks_that_ran():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code == [block.text.strip() for block in blocks_of(TEXT) if block.language == "python"]


def test_links_of_the_notebook_lead_somewhere():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    words = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", words)]
    assert len(links) >= 5
    assert all((NOTEBOOK.parent / link).exists() for link in links), links
