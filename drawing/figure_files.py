"""Figures of matplotlib as PNG: made without pyplot, so without a screen and without global state.

Who draws imports matplotlib where it draws: it takes a second to load.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ramify.disk.atomic_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150


def figure_bytes(figure: "Figure") -> bytes:
    """The figure as PNG on white; the same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def write_figure(figure: "Figure", path: Path) -> None:
    """Write the figure as PNG, whole or not at all (`disk.atomic_files.write_whole` says what it raises)."""
    write_whole(path, figure_bytes(figure))
