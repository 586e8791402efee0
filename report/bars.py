"""Rows with a bar each: a name, a value, and a share of a whole as length."""

from collections.abc import Sequence
from typing import NamedTuple

from ramify.drawing.colours import Colour, as_hex
from ramify.report.markup import join, text


class Bar(NamedTuple):
    """A row. words: beside the name. shown: the value as text. share: length of the bar, 0 to 1."""

    name: str
    words: str
    shown: str
    share: float
    colour: Colour


def bars(heading: str, rows: Sequence[Bar]) -> str:
    """The rows below a heading."""
    shown = join(
        f'<div class="row"><span>{text(row.name)} <span class="quiet">· {text(row.words)}</span></span>'
        f'<b>{text(row.shown)}</b><div class="track"><i style="--swatch:{as_hex(row.colour)};'
        f'--share:{100 * row.share:.2f}%"></i></div></div>'
        for row in rows
    )
    return f'<div><h3>{text(heading)}</h3><div class="bars">{shown}</div></div>'
