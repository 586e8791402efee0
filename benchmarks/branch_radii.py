"""The branch radii of a folder of vessel masks as a letter-value plot (Sadikine et al. 2023, Fig. 4).

    python -m benchmarks.branch_radii --masks DIR --output radii.png

DIR holds one vessel mask a volume, or label maps with --label. Files whose name ends in `_liver`, `_organ` or
`_probabilities` are left out. The masks are measured on their own grids; where they lie in the patient does not matter.
One that cannot be read is a line on stderr, the others are drawn, and the exit code is 1.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from ramify.command_line import parse, run
from ramify.console.error_line import line_of
from ramify.console.progress import followed, say
from ramify.data.file_names import natural_order
from ramify.data.labelled_file import LabelledFile
from ramify.data.mask_folders import vessel_masks
from ramify.disk.outputs import Outputs
from ramify.drawing.figure_files import write_figure
from ramify.drawing.letter_values import letter_values
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.preprocessing.plausibility import doubts_about_spacing, doubts_about_vessels
from ramify.preprocessing.radius_figure import draw_radii
from ramify.vessels.scale_settings import EstimatorName, ScaleSettings


class BranchRadiiCommand(BaseModel, frozen=True, extra="forbid"):
    """Which masks are measured, and how."""

    masks: Path
    """Folder of vessel masks."""
    output: Path
    """PNG to write."""
    estimator: EstimatorName = ScaleSettings().estimator
    """Of a branch's radius."""
    label: tuple[str, ...] = ()
    """Which labels of label maps are the vessels."""
    spacing_mm: tuple[float, ...] | None = None
    """Voxel size (z y x, or y x) in place of the files'."""
    replace: bool = False
    """Keep a file in the way as NAME.backup-1."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, draw, and print one row a volume."""
    command = parse(BranchRadiiCommand, "Letter-value plot of the branch radii of a folder of vessel masks.", argv)
    masks = vessel_masks(command.masks)
    Outputs(command.masks, replace=command.replace).claim_file(command.output, "figure")
    radii = measure_all(masks, command)
    if not radii:
        return 2
    write_figure(draw_radii(radii, f"Branch radii per volume (radius by {command.estimator})"), command.output)
    for name in sorted(radii, key=natural_order):
        letters = letter_values(radii[name]) if radii[name] else None
        summary = "no vessels"
        if letters is not None:
            summary = f"median {letters.median:.2f} mm, middle half {letters.lower[0]:.2f} to {letters.upper[0]:.2f} mm"
        print(f"{name:<20} {len(radii[name]):>5} branches  {summary}")
    print(f"figure: {command.output}")
    return 1 if len(radii) < len(masks) else 0


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
    analysis = MaskAnalysis(mask.array, mask.spacing_mm, scale_settings=settings)
    return [] if analysis.is_empty else analysis.decomposition.radii_mm.tolist(), notes


def measure_all(masks: Mapping[str, Path], command: BranchRadiiCommand) -> dict[str, list[float]]:
    """Branch radii in mm of every mask that can be read, by case; a line on stderr for each that can not."""
    settings, radii = ScaleSettings(estimator=command.estimator), {}
    for case, path in followed(masks.items(), "measuring", "mask", len(masks)):
        try:
            radii[case], notes = measure_mask(path, settings, command.label, command.spacing_mm)
        except (ValueError, OSError, MemoryError) as error:
            say(f"error: {line_of(error)}", error=True)
            continue
        for note in notes:
            say(f"warning: {case}: {note}", error=True)
    return radii


if __name__ == "__main__":
    run(main)
