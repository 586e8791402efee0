"""Colour tables are what 3D Slicer reads: a header, then value, name without spaces, red, green, blue and opacity."""

import re

from ramify.drawing.colour_table import colour_table


def test_a_table_is_of_slicers_form():
    labels = [(7, "portal vein", (1, 2, 3)), (9, "odd\tname\n here ", (255, 0, 128)), (300, "ohne_Lücke", (0, 0, 0))]
    header, *rows, end = colour_table(labels).split("\n")
    assert (header, end) == ("# Color table file", "")
    assert all(re.fullmatch(r"\d+ \S+( (\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){4}", row) for row in rows)
    assert rows == [
        "0 background 0 0 0 0",
        "7 portal_vein 1 2 3 255",
        "9 odd_name_here 255 0 128 255",
        "300 ohne_Lücke 0 0 0 255",
    ]
