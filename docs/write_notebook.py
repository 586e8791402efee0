"""Write docs/notebooks/from_mask_to_scales.ipynb from docs/five_minutes.md: run `python docs/write_notebook.py`.

Sentences become cells of text, blocks of Python cells of code; what a block prints is left for the notebook to show.
"""

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAGE = DOCS / "five_minutes.md"
NOTEBOOK = DOCS / "notebooks" / "from_mask_to_scales.ipynb"
_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://)")


def notebook(page: str) -> str:
    """The notebook of a page, as its file holds it."""
    cells: list[dict[str, Any]] = []

    def add(kind: str, text: str, **more: Any) -> None:
        if text := text.strip():
            source = text.splitlines(keepends=True)
            cells.append({"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": {}, "source": source, **more})

    done = 0
    for block in _BLOCK.finditer(page):
        add("markdown", _seen_from_notebook(page[done : block.start()]))
        if block["language"] == "python":
            add("code", block["text"], execution_count=None, outputs=[])
        done = block.end()
    add("markdown", _seen_from_notebook(page[done:]))

    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _seen_from_notebook(text: str) -> str:
    """Links of the page, from the folder of the notebook."""
    return _LINK.sub("](../", text)


if __name__ == "__main__":
    NOTEBOOK.parent.mkdir(exist_ok=True)
    NOTEBOOK.write_text(notebook(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
