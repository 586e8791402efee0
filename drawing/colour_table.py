"""Colour tables of 3D Slicer (.ctbl): names and colours of a label map's values."""

from collections.abc import Iterable

from ramify.drawing.colours import Colour


def colour_table(labels: Iterable[tuple[int, str, Colour]]) -> str:
    """The table as text; labels: value, name and colour of each, without the background.

    Slicer parts the fields of a row at spaces, and asks for underscores in names.
    """
    rows = [f"{value} {'_'.join(name.split())} {' '.join(map(str, colour))} 255" for value, name, colour in labels]
    return "\n".join(["# Color table file", "0 background 0 0 0 0", *rows, ""])
