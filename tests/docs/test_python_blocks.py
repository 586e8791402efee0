"""Python on the pages: every block can be read, and imports what there is."""

import ast
import textwrap
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, Block, blocks_of, name_of, text_of

BLOCKS = [(page, block) for page in PAGES for block in blocks_of(text_of(page)) if block.language == "python"]


def parsed(block: Block) -> ast.Module:
    """A block's code; a line to put into a table counts as one."""
    text = textwrap.dedent(block.text)
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.parse(f"{{\n{text}\n}}")


def test_blocks_are_found():
    assert len(BLOCKS) >= 7


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{name_of(page)}:{block.line}" for page, block in BLOCKS])
def test_every_import_works(page: Path, block: Block):
    if page.name == "nnunet.md":
        # Where it is installed, tests/nnunet lets nnU-Net find these trainers.
        pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed: make test-nnunet")
    # What another block of the page says to write is not there yet.
    written = {
        node.name
        for its, other in BLOCKS
        if its == page
        for node in ast.walk(parsed(other))
        if isinstance(node, ast.ClassDef)
    }
    imports: list[ast.stmt] = [
        node
        for node in ast.walk(parsed(block))
        if isinstance(node, ast.Import | ast.ImportFrom) and not written & {alias.name for alias in node.names}
    ]
    exec(compile(ast.Module(imports, []), f"{name_of(page)}:{block.line}", "exec"), {})
