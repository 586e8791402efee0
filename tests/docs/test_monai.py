"""The lines that docs/monai.md begins with print what the page shows."""

import contextlib
import io
import textwrap

import pytest

from tests.docs.pages import ROOT, blocks_of, text_of
from tests.docs.test_five_minutes import numbers_and_words


def test_the_first_block_prints_what_the_page_shows():
    block, shown = blocks_of(text_of(ROOT / "docs" / "monai.md"))[:2]
    assert (block.language, shown.language) == ("python", "")
    code = [line for line in block.text.splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(code) <= 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(textwrap.dedent(block.text), f"monai.md:{block.line}", "exec"), {"__name__": "monai"})
    expected, words = numbers_and_words(shown.text)
    found, other_words = numbers_and_words(printed.getvalue())
    assert words == other_words
    assert found == pytest.approx(expected, abs=0.02)
