"""The branch radii of every volume of a data set as a letter-value plot (Sadikine et al. 2023, Fig. 4)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ramify.data.file_names import natural_order
from ramify.drawing.colours import INK, QUIET, RULE
from ramify.drawing.letter_values import letter_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_radii(radii_mm: Mapping[str, Sequence[float]], title: str = "Branch radii per volume") -> "Figure":
    """Draw the letter values of the branch radii of every volume.

    The widest box holds the middle half of a volume's branches, each next pair of boxes half of what was left outside;
    dots lie beyond the last letter value that can be trusted.

    Args:
        radii_mm: radii in mm by case; a case without any is shown as an empty place.
        title: headline of the figure.

    Raises:
        ValueError: no case at all.
    """
    from matplotlib.figure import Figure

    if not radii_mm:
        raise ValueError("branch radii: no case to draw")
    names = sorted(radii_mm, key=natural_order)
    figure = Figure(figsize=(min(24.0, max(5.5, 1.8 + 0.62 * len(names))), 4.6), layout="constrained")
    axes = figure.add_subplot()
    for position, name in enumerate(names):
        if len(radii_mm[name]):
            _draw_letter_values(axes, position, radii_mm[name])
    crowded = len(names) > 1 and max(map(len, names)) > 9
    axes.set_xticks(range(len(names)), [f"{name}\n(n = {len(radii_mm[name])})" for name in names])
    axes.tick_params(axis="x", length=0, labelsize=8, labelrotation=90 if crowded else 0)
    axes.tick_params(axis="y", length=0, labelsize=8, labelcolor=QUIET)
    axes.set_ylabel("branch radius (mm)", color=INK, fontsize=9)
    axes.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold", pad=10)
    axes.set_xlim(-0.7, len(names) - 0.3)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    return figure


def _draw_letter_values(axes: "Axes", position: int, values: Sequence[float]) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    letters = letter_values(values)
    depth = len(letters.lower)
    # From the tails inwards, so that the wide inner boxes lie on top.
    for level in reversed(range(depth)):
        width = 0.78 * (1 - level / (depth + 0.6))
        low, high = letters.lower[level], letters.upper[level]
        shade = colormaps["Greys"](0.6 - 0.42 * level / max(depth, 3))
        corner = (position - width / 2, low)
        axes.add_patch(Rectangle(corner, width, high - low, facecolor=shade, edgecolor="white", linewidth=0.6))
    ends = [position - 0.39, position + 0.39]
    axes.plot(ends, [letters.median] * 2, color="white", linewidth=2.6, solid_capstyle="butt")
    axes.plot(ends, [letters.median] * 2, color=INK, linewidth=1.4, solid_capstyle="butt")
    places = [position] * len(letters.outliers)
    axes.plot(places, letters.outliers, ".", color=QUIET, alpha=0.6, markersize=3, markeredgewidth=0)
