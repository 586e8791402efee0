"""The branch radii of every volume of a data set as a letter-value plot (Sadikine et al. 2023, Fig. 4).

    python -m ramify.preprocessing.radius_figure --masks DIR --output radii.png

DIR holds one vessel mask a volume, or label maps with --label. Files whose name ends in `_liver`, `_organ` or
`_probabilities` are left out. The masks are measured on their own grids; where they lie in the patient does not matter.
One that cannot be read is a line on stderr, the others are drawn, and the exit code is 1.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ramify.console.error_line import line_of
from ramify.console.progress import followed, say
from ramify.data.file_names import volume_files
from ramify.data.labelled_file import LabelledFile
from ramify.data.mask_folders import mask_case
from ramify.disk.outputs import Outputs
from ramify.drawing.colours import INK, QUIET, RULE
from ramify.drawing.figure_files import write_figure
from ramify.drawing.letter_values import letter_values
from ramify.preprocessing.plausibility import doubts_about_spacing, doubts_about_vessels
from ramify.preprocessing.prepare import decompose
from ramify.vessels.estimators import ESTIMATORS
from ramify.vessels.scale_settings import ScaleSettings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORGAN_SUFFIXES = ("_liver", "_organ")


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
    names = sorted(radii_mm, key=_natural_order)
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


def _natural_order(name: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts case 2 before case 10."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def vessel_masks(folder: Path) -> dict[str, Path]:
    """The vessel mask of each case in a folder; organ masks (CASE_liver) and CASE_probabilities are none.

    Raises FileNotFoundError: no such folder. ValueError: no mask in it, or two of one case.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected one with vessel masks")
    masks: dict[str, Path] = {}
    for path in volume_files(folder):
        case = mask_case(path)
        if case is None or case.lower().endswith(ORGAN_SUFFIXES):
            continue
        case = case.removesuffix("_vessel") or case
        if case in masks:
            raise ValueError(f"{folder}: {masks[case].name} and {path.name} are both of case {case}; keep one")
        masks[case] = path
    if not masks:
        raise ValueError(f"{folder}: holds no vessel mask (NIfTI, NRRD, MetaImage, TIFF, PNG or the like)")
    return masks


def measure_mask(
    path: Path, settings: ScaleSettings, labels: Sequence[str] = (), spacing_mm: Sequence[float] | None = None
) -> tuple[list[float], list[str]]:
    """Branch radii of a mask in mm, none for an empty one, and what must be known of it, a line each.

    labels: which labels of a label map, or segments of a Slicer file, are the vessels. spacing_mm: in place of the
    file's. Raises ValueError or OSError that names the file.
    """
    file = LabelledFile(path, spacing_mm)
    mask = file.mask(file.choose(labels, "vessels", "--label"), "vessels", "--label")
    notes = [*mask.notes, *doubts_about_spacing(mask), *doubts_about_vessels(mask.array, None)]
    return decompose(mask.array, mask.spacing_mm, settings).radii_mm.tolist(), notes


def measure_all(masks: Mapping[str, Path], arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Branch radii in mm of every mask that can be read, by case; a line on stderr for each that can not."""
    settings, radii = ScaleSettings(estimator=arguments.estimator), {}
    for case, path in followed(masks.items(), "measuring", "mask", len(masks)):
        try:
            radii[case], notes = measure_mask(path, settings, arguments.label, arguments.spacing_mm)
        except (ValueError, OSError, MemoryError) as error:
            say(f"error: {line_of(error)}", error=True)
            continue
        for note in notes:
            say(f"warning: {case}: {note}", error=True)
    return radii


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, draw, and print one row a volume."""
    parser = argparse.ArgumentParser(description="Letter-value plot of the branch radii of a folder of vessel masks.")
    parser.add_argument("--masks", type=Path, required=True, help="folder of vessel masks")
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    parser.add_argument("--estimator", choices=tuple(ESTIMATORS), default=ScaleSettings().estimator)
    parser.add_argument("--label", nargs="+", default=(), help="which labels of label maps are the vessels")
    parser.add_argument("--spacing-mm", nargs="+", type=float, help="voxel size (z y x, or y x) in place of the files'")
    parser.add_argument("--replace", action="store_true", help="keep a file in the way as NAME.backup-1")
    arguments = parser.parse_args(argv)
    try:
        masks = vessel_masks(arguments.masks)
        Outputs(arguments.masks, replace=arguments.replace).claim_file(arguments.output, "figure")
        radii = measure_all(masks, arguments)
        if not radii:
            return 2
        write_figure(draw_radii(radii, f"Branch radii per volume (radius by {arguments.estimator})"), arguments.output)
    except (ValueError, OSError) as error:
        say(f"error: {line_of(error)}", error=True)
        return 2
    for name in sorted(radii, key=_natural_order):
        letters = letter_values(radii[name]) if radii[name] else None
        summary = "no vessels"
        if letters is not None:
            summary = f"median {letters.median:.2f} mm, middle half {letters.lower[0]:.2f} to {letters.upper[0]:.2f} mm"
        print(f"{name:<20} {len(radii[name]):>5} branches  {summary}")
    print(f"figure: {arguments.output}")
    return 1 if len(radii) < len(masks) else 0


if __name__ == "__main__":
    sys.exit(main())
