"""The quality figure of a case: projections of its image, without and with its scales and classes in colour."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ramify.drawing.colours import BACKDROP, INK, QUIET, Colour, as_hex, class_colours, scale_colours
from ramify.drawing.figure_files import write_figure
from ramify.drawing.projections import View, project_maximum, views_of
from ramify.drawing.ruler import ruler_length
from ramify.drawing.scale_words import radius_ranges, scale_names
from ramify.drawing.shading import paint_labels
from ramify.tasks.class_table import IGNORED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEGEND_COLUMNS = 3
# Of the grey picture behind scales in colour, so that these stand out.
_DIMMED = 0.6


def draw_case(path: Path, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """Draw a prepared case: maximum-intensity projections along every axis, without and with its scales in colour.

    Where it has several classes, these are shown in colours of their own, too; voxels that nobody labelled are not.
    Where vessels of several scales lie behind each other, the one nearest to the viewer is shown, darker with depth.
    In 2D the image itself is shown, and of several channels the first.

    Args:
        path: the PNG to write; written under a temporary name and renamed.
        arrays: `image` (C, *S), `organ` (*S), `scales` (*S) and, where it has some, `classes` (*S) of a prepared case.
        record: its record.
    """
    image, organ = np.asarray(arrays["image"][0]), np.asarray(arrays["organ"]) > 0
    labels = np.asarray(arrays["scales"])
    # A prepared case has the patient's own axes, however its file was stored.
    views = views_of(np.eye(labels.ndim).tolist())
    spacing = record["spacing_mm"]
    extents = [(view.height(labels.shape, spacing), view.width(labels.shape, spacing)) for view in views]
    # All panels share one scale of millimetres, so that sizes can be compared across them.
    painted = [(labels, scale_colours(len(record["scales"]["voxels"])))]
    legends = [_scale_legend(record["scales"])]
    if len(classes := record.get("class_voxels", ())) > 1:
        known = np.asarray(arrays["classes"])
        painted.append((np.where(known == IGNORED, 0, known), class_colours(len(classes))))
        legends.append([f"{its['name']}\n{_counted(its['voxels'], 'voxel')}" for its in classes])
    legend_rows = [math.ceil(len(legend) / LEGEND_COLUMNS) for legend in legends]
    kinds = 1 + len(painted)
    figure, panels = _panel_grid(extents, kinds, stacked=labels.ndim == 3, legend_rows=sum(legend_rows))
    for (plain, *coloured), view, extent in zip(panels, views, extents):
        projection = project_maximum(image, organ, view)
        _show(plain, _grey(projection), extent)
        for axes, (shown, colours) in zip(coloured, painted, strict=True):
            _show(axes, paint_labels(shown, view, colours, _grey(projection, _DIMMED)), extent)
        plain.set_title(view.title, fontsize=9, color=QUIET, loc="left", pad=4)
        for axes in (plain, *coloured):
            _letter_edges(axes, view, extent)
    _scale_bar(panels[0][0], extents[0])
    _caption(figure, record)
    for number, (legend, (_, colours)) in enumerate(zip(legends, painted, strict=True)):
        _legend(figure, legend, colours, rows_below=sum(legend_rows[number + 1 :]))
    write_figure(figure, path)


def _panel_grid(
    extents: list[tuple[float, float]], kinds: int, stacked: bool, legend_rows: int
) -> tuple["Figure", list[tuple["Axes", ...]]]:
    """A figure with panels of so many kinds for each view: below each other, or side by side."""
    from matplotlib.figure import Figure

    heights, widths = zip(*extents)
    rows, columns = (kinds, len(extents)) if stacked else (1, kinds)
    ratios = list(widths) if stacked else [widths[0]] * kinds
    width = 9.0
    gap, side, top, bottom = 0.15, 0.2, 0.95 if stacked else 0.75, 0.55 + 0.42 * legend_rows
    panel_height = (width - 2 * side - gap * (columns - 1)) * max(heights) / sum(ratios)
    # Very long or very flat volumes must not blow the page up or squash it to nothing.
    panel_height = min(max(panel_height, 1.2), 9.0)
    height = top + bottom + rows * panel_height + (rows - 1) * gap
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        rows,
        columns,
        width_ratios=ratios,
        left=side / width,
        right=1 - side / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=gap * columns / (width - 2 * side),
        hspace=gap / panel_height,
    )
    panels = [[figure.add_subplot(grid[row, column]) for column in range(columns)] for row in range(rows)]
    return figure, [*zip(*panels, strict=True)] if stacked else [tuple(panels[0])]


def _show(axes: "Axes", picture: np.ndarray, extent: tuple[float, float]) -> None:
    height, width = extent
    axes.imshow(picture.round().astype(np.uint8), extent=(0, width, height, 0), interpolation="nearest", aspect="equal")
    axes.set_anchor("N")
    axes.set_axis_off()


def _grey(projection: np.ndarray, brightness: float = 1.0) -> np.ndarray:
    """A projection (h, w) as a grey picture (h, w, 3) in 0..255, its contrast stretched; the backdrop where it is NaN.

    brightness: of the whole picture, 1 for all there is.
    """
    seen = projection[np.isfinite(projection)]
    low, high = np.percentile(seen, (2, 99.8)) if seen.size else (0.0, 1.0)
    grey = np.clip((projection - low) / max(high - low, 1e-6), 0, 1)[..., None]
    return np.where(np.isnan(grey), BACKDROP, 255 * brightness * (0.08 + 0.92 * grey))


def _letter_edges(axes: "Axes", view: View, extent: tuple[float, float]) -> None:
    """R, L, A, P, S, I at the edges a patient's side lies on."""
    from matplotlib.patheffects import withStroke

    height, width = extent
    places = (
        (0.02 * width, height / 2),
        (0.98 * width, height / 2),
        (width / 2, 0.02 * height),
        (width / 2, 0.98 * height),
    )
    anchors = (("left", "center"), ("right", "center"), ("center", "top"), ("center", "bottom"))
    for letter, (x, y), (horizontal, vertical) in zip(view.edge_letters, places, anchors):
        halo = [withStroke(linewidth=1.5, foreground="black")]
        axes.text(x, y, letter, color="#d0d4d8", fontsize=7, ha=horizontal, va=vertical, path_effects=halo)


def _scale_bar(axes: "Axes", extent: tuple[float, float]) -> None:
    """A bar of a round number of millimetres, about a quarter of the panel."""
    from matplotlib.patheffects import withStroke

    height, width = extent
    length = ruler_length(width / 4)
    left, y = 0.04 * width, height - 0.04 * width
    halo = [withStroke(linewidth=2.5, foreground="black")]
    axes.plot([left, left + length], [y, y], color="white", linewidth=2, solid_capstyle="butt", path_effects=halo)
    label = f"{length:g} mm"
    axes.text(left + length / 2, y - 0.015 * width, label, color="white", fontsize=7, ha="center", path_effects=halo)


def _caption(figure: "Figure", record: Mapping[str, Any]) -> None:
    """Headline and notes."""
    scales = record["scales"]
    height = figure.get_figheight()
    shape = " × ".join(str(length) for length in record["shape"])
    spacing = " × ".join(f"{value:.3g}" for value in record["spacing_mm"])
    left = 0.2 / figure.get_figwidth()
    figure.text(left, 1 - 0.32 / height, record["case_id"], fontsize=12, fontweight="bold", color=INK, va="center")
    branches = _counted(len(scales["radii_mm"]), "branch")
    details = f"{shape} voxels of {spacing} mm · {branches} · radius by {scales['estimator']}"
    figure.text(left, 1 - 0.56 / height, details, fontsize=8.5, color=QUIET, va="center")
    notes = [*record["notes"], *scales["notes"]]
    if notes:
        figure.text(left, 0.2 / height, _shorten(" · ".join(notes), 135), fontsize=7.5, color=QUIET, va="center")


def _scale_legend(scales: Mapping[str, Any]) -> list[str]:
    """Each scale's radii, voxels and branches."""
    count = len(scales["voxels"])
    ranges = radius_ranges(scales["thresholds_mm"], count)
    if count > 1 and not scales["thresholds_mm"] and any(scales["voxels"]):
        ranges = ["radii by class"] * count
    return [
        f"{name}   {radii}\n{_counted(voxels, 'voxel')} in {_counted(owners, 'branch')}"
        for name, radii, voxels, owners in zip(
            scale_names(count), ranges, scales["voxels"], scales["branches"], strict=True
        )
    ]


def _legend(figure: "Figure", labels: Sequence[str], colours: Sequence[Colour], rows_below: int) -> None:
    """What colours mean, above so many rows of other ones."""
    from matplotlib.patches import Patch

    figure.legend(
        handles=[Patch(facecolor=as_hex(colour), edgecolor=INK, linewidth=0.4) for colour in colours],
        labels=labels,
        loc="lower left",
        bbox_to_anchor=(0.2 / figure.get_figwidth(), 0.42 * (1 + rows_below) / figure.get_figheight()),
        borderaxespad=0,
        ncols=LEGEND_COLUMNS,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        handlelength=1.1,
        handleheight=1.1,
        columnspacing=2.5,
    )


def _counted(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
