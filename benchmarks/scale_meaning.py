"""Do the scales mean something? A row for each thing that made them accidental, on real masks and on known shapes.

    RAMIFY_DATA=FOLDER python -m benchmarks.scale_meaning [--rows noise holes …]

FOLDER holds `ircadb_masks`, `liver_trees`, `vascusynth` and `ircadb`; without it the shapes alone are measured. Spread:
median, lowest and highest of the masks. What was found: docs/results.md.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from benchmarks.meaning_masks import MASKS
from benchmarks.meaning_measures import MEASURES
from benchmarks.meaning_scores import SCORES
from benchmarks.meaning_shapes import SHAPES
from benchmarks.meaning_trees import TREES
from ramify.command_line import parse, run
from ramify.console.progress import say

ROWS = {**MASKS, **TREES, **SHAPES, **SCORES, **MEASURES}


class ScaleMeaning(BaseModel, frozen=True, extra="forbid"):
    """Which rows."""

    rows: tuple[str, ...] = ()
    """Rows by name, each by itself; none: all."""


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, a row as soon as it is measured."""
    settings = parse(ScaleMeaning, "What the scales of vessels are worth on real masks and known shapes.", argv)
    unknown = [name for name in settings.rows if name not in ROWS]
    if unknown:
        raise ValueError(f"--rows: no row is called {unknown[0]}; choose from {', '.join(ROWS)}")
    given = os.environ.get("RAMIFY_DATA")
    print("| row | what | found | aim |\n| --- | --- | --- | --- |", flush=True)
    for name in settings.rows or ROWS:
        row = ROWS[name]
        if row.needs_data and given is None:
            say(f"{name}: left out, no real data here: set RAMIFY_DATA to its folder", error=True)
            continue
        print(f"| {name} | {row.what} | {row.measure(Path(given or '.'))} | {row.aim} |", flush=True)


if __name__ == "__main__":
    run(main)
