"""A picture on a page in true proportions, the patient's sides at its edges, with a ruler of a round number of mm."""

from collections.abc import Sequence

from ramify.drawing.ruler import ruler_length
from ramify.report.markup import text


def framed(inside: str, width_mm: float, height_mm: float, edge_letters: Sequence[str], share: float) -> str:
    """The frame around the elements of a picture.

    Args:
        inside: HTML, what fills the picture.
        width_mm, height_mm: its extent.
        edge_letters: the patient's sides at the left, right, top and bottom edge; may be empty.
        share: of the frame's width, 0 to 1.
    """
    sides = "".join(f'<span class="{place}">{text(letter)}</span>' for place, letter in zip("wens", edge_letters))
    length = ruler_length(width_mm / 3)
    ruler = f'<span class="ruler" style="--length:{100 * length / width_mm:.2f}%">{length:g} mm</span>'
    shape = f"--wide:{100 * share:.2f}%;--aspect:{width_mm:.4g}/{height_mm:.4g}"
    return f'<div class="frame"><div class="picture" style="{shape}">{inside}{sides}{ruler}</div></div>'
