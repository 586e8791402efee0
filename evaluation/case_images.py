"""The image of each case, to look at under its errors: found by the case's name in every form that predict.py reads."""

from collections.abc import Sequence
from pathlib import Path

from ramify.data.dicom import read_series
from ramify.data.files import read_channels
from ramify.data.formats.channels import ALL, COLOURS, LUMINANCE
from ramify.data.image_source import split_channel
from ramify.data.inputs import CASE, find_inputs
from ramify.data.volume import Volume


def find_images(source: Path, suffix: str, cases: Sequence[str]) -> dict[str, Path]:
    """Case -> file or DICOM folder, of the cases that have one.

    Args:
        source: as `predict.py --input`, or a path with {case} where the case's name goes. One image and one case
            belong together, whatever they are called.
        suffix: what the images' names end in, no part of the case's. Without one, CASE_0000 is of CASE, too.
        cases: their names.

    Raises:
        FileNotFoundError: nothing there. ValueError: no image of any case.
    """
    if CASE in str(source):
        paths = {case: Path(str(source).replace(CASE, case)) for case in cases}
        found = {case: find_inputs(path)[0].path for case, path in paths.items() if path.exists()}
    else:
        inputs = find_inputs(source)
        if len(inputs) == len(cases) == 1:
            return {cases[0]: inputs[0].path}
        by_name = {one.case_id: one.path for one in inputs}
        found = {case: path for case in cases if (path := _of_case(case, suffix, by_name)) is not None}
    if cases and not found:
        raise ValueError(
            f"--image {source}: no image of any case; expected names such as {cases[0]}{suffix}, or a path with {CASE} "
            "in it; if the names end otherwise, give --image-suffix"
        )
    return found


def _of_case(case: str, suffix: str, by_name: dict[str, Path]) -> Path | None:
    if suffix or case in by_name:
        return by_name.get(case + suffix)
    return next((path for name, path in by_name.items() if split_channel(name) == (case, 0)), None)


def read_image(path: Path, series: str, spacing_mm: Sequence[float] | None) -> Volume:
    """One channel of an image: the luminance of colours, the first of several others; raises as its reader.

    Args:
        path: file, or folder of a DICOM series.
        series: which series of a folder with several.
        spacing_mm: (z, y, x) in place of the file's.
    """
    if path.is_dir():
        return read_series(path, spacing_mm=spacing_mm, series=series)
    channels = read_channels(path, (ALL,), spacing_mm)
    if tuple(channels) == COLOURS:
        channels = read_channels(path, (LUMINANCE,), spacing_mm)
    return next(iter(channels.values()))
