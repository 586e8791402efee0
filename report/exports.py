"""A case as files for other programs: surfaces to look at and to simulate on, centrelines to measure."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.disk.atomic_files import write_whole
from ramify.disk.own_files import remove
from ramify.drawing.colours import AGREEING, EXTRA, MISSED, PREDICTION, class_colours
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.stored import as_stored
from ramify.report.centreline_files import to_graphml, to_swc, to_vtp
from ramify.report.centreline_network import CentrelineNetwork, trace_network
from ramify.report.class_maps import ClassMaps
from ramify.report.settings import ExportForm, ExportSettings
from ramify.report.surface_files import Paint, to_glb, to_ply, to_stl
from ramify.report.surfaces import Surface, extract_surface
from ramify.report.uncovered import uncovered_part

CLASSES_FILE = "classes.glb"
PAINTS = {
    "truth": Paint.of(AGREEING, opacity=0.35),
    "prediction": Paint.of(PREDICTION),
    "missed": Paint.of(MISSED),
    "extra": Paint.of(EXTRA),
}


def export_case(
    folder: Path | str,
    case_id: str,
    prediction: MaskAnalysis,
    target: MaskAnalysis,
    place: Volume,
    settings: ExportSettings | None = None,
) -> list[Path]:
    """Write the surfaces and centrelines of a case into a folder of its own, in patient coordinates, mm.

    `truth`, `prediction`, `missed` and `extra` (`report.uncovered`) as STL and PLY, all of them as `surfaces.glb`;
    `truth_centreline` and `prediction_centreline` as VTP, SWC and GraphML. What is empty has no file, not even an older
    one of Ramify's. Images of two dimensions have no surfaces, and centrelines with z = 0. Surfaces are neither
    smoothed nor simplified.

    Args:
        folder: gets a folder named after the case.
        case_id: name of the case, fit to be a folder's.
        prediction, target: analyses of masks on the grid of `place`.
        place: the volume that says where the grid lies.
        settings: which files, in which coordinates.

    Returns:
        the files written.

    Raises:
        ValueError: a case's name that is no folder's name, or shapes that differ.
        OSError: a file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.metrics import MaskAnalysis
        >>> from ramify.report import ExportSettings, export_case
        >>> mask = np.pad(np.ones((3, 3, 8), bool), 2)
        >>> analysis, place = MaskAnalysis(mask, (1.0, 1.0, 1.0)), Volume(mask, (1.0, 1.0, 1.0))
        >>> files = export_case(Path("out"), "a", analysis, analysis, place, ExportSettings(forms=("stl",)))
        >>> sorted(path.as_posix() for path in files)
        ['out/a/prediction.stl', 'out/a/truth.stl']
    """
    folder = Path(folder)
    settings = settings or ExportSettings()
    prediction, target = as_stored(prediction, target)
    check_folder_name(case_id)
    written = []
    for name, content in _contents(prediction, target, place, settings):
        path = folder / case_id / name
        write_whole(path, content)
        written.append(path)
    # An export into the same folder may have had more: beside these files, those would tell of other masks.
    for older in exported_names(settings.forms) - {path.name for path in written}:
        remove(folder / case_id / older)
    return written


def check_folder_name(name: str) -> None:
    """Refuse the name of a case, or of a class, that no folder can have; ValueError."""
    if name in ("", ".", "..") or Path(name).name != name or "\\" in name:
        raise ValueError(f"{name!r}: the name cannot be that of a folder to export to; rename it")


def export_classes(folder: Path, case_id: str, maps: ClassMaps, place: Volume, settings: ExportSettings) -> None:
    """Write the surfaces of all classes of a case in their colours as one file, CLASSES_FILE; none in 2D.

    Args:
        folder: gets a folder named after the case.
        case_id: name of the case, fit to be a folder's.
        maps: its classes, on the grid of `place`.
        place: the volume that says where the grid lies.
        settings: which files, in which coordinates.

    Raises OSError where it cannot be written.
    """
    painted = {}
    if place.ndim == 3 and "glb" in settings.forms:
        for number, (name, colour) in enumerate(zip(maps.names, class_colours(len(maps.names)), strict=True), start=1):
            for what, numbers, opacity in (("truth", maps.truth, 0.35), ("prediction", maps.prediction, 1.0)):
                if (mask := numbers == number).any():
                    surface = extract_surface(mask, place, settings.coordinates)
                    painted[f"{what} {name}"] = surface, Paint.of(colour, opacity)
    path = folder / case_id / CLASSES_FILE
    if painted:
        write_whole(path, to_glb(painted, settings.coordinates))
    else:
        remove(path)


def exported_names(forms: Collection[ExportForm]) -> set[str]:
    """Every file there may be in these forms."""
    forms_of = {"surfaces": {"glb"}} | {name: {"stl", "ply"} for name in PAINTS}
    forms_of |= {f"{name}_centreline": {"vtp", "swc", "graphml"} for name in ("truth", "prediction")}
    return {f"{name}.{form}" for name, its in forms_of.items() for form in its.intersection(forms)}


def _contents(
    prediction: MaskAnalysis, target: MaskAnalysis, place: Volume, settings: ExportSettings
) -> Iterator[tuple[str, bytes | str]]:
    """Name and content of each file, one at a time: surfaces of a CT are large."""
    space, forms = settings.coordinates, settings.forms
    if place.ndim == 3 and {"stl", "ply", "glb"} & set(forms):
        painted: dict[str, tuple[Surface, Paint]] = {}
        for name, (mask, whole) in _masks(prediction, target).items():
            if not mask.any():
                continue
            surface = extract_surface(mask, place, space)
            painted[name] = surface, PAINTS[name]
            if "stl" in forms:
                yield f"{name}.stl", to_stl(surface, space)
            if "ply" in forms:
                yield f"{name}.ply", to_ply(surface, space, PAINTS[name], _branches_at(surface, whole))
        if painted and "glb" in forms:
            yield "surfaces.glb", to_glb(painted, space)
    if {"vtp", "swc", "graphml"} & set(forms):
        for name, analysis in (("truth", target), ("prediction", prediction)):
            if not analysis.is_empty:
                yield from _centrelines(name, trace_network(analysis, place, space), settings)


def _masks(prediction: MaskAnalysis, target: MaskAnalysis) -> dict[str, tuple[NDArray[np.bool_], MaskAnalysis]]:
    """What has a surface, and the mask that it is a part of."""
    parts = {"missed": (target, prediction), "extra": (prediction, target)}
    masks = {"truth": (target.mask, target), "prediction": (prediction.mask, prediction)}
    for name, (mask, other) in parts.items():
        part = np.zeros(mask.shape, dtype=bool)
        if not mask.is_empty:
            part[mask.box] = uncovered_part(mask, other)
        masks[name] = part, mask
    return masks


def _branches_at(surface: Surface, mask: MaskAnalysis) -> NDArray[np.int32]:
    """Number of the branch at each point of the surface of a mask, or of a part of it."""
    assert surface.voxels is not None, "as it was extracted"
    numbers: NDArray[np.int32] = mask.decomposition.branches[tuple((surface.voxels - mask.corner).T)]
    return numbers


def _centrelines(name: str, network: CentrelineNetwork, settings: ExportSettings) -> Iterator[tuple[str, str]]:
    writers = {"vtp": to_vtp, "swc": to_swc, "graphml": to_graphml}
    for form, write in writers.items():
        if form in settings.forms:
            yield f"{name}_centreline.{form}", write(network)
