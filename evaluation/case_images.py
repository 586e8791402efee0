"""The image of each case, to look at under its errors: found by the case's name in every form that predict.py reads."""

from collections.abc import Sequence
from pathlib import Path

from ramify.data.case_paths import CASE, is_of_each_case, path_of_case
from ramify.data.channel_files import Channels, read_images
from ramify.data.file_names import file_of
from ramify.data.formats.channels import ALL, COLOURS, LUMINANCE
from ramify.data.image_source import split_channel
from ramify.data.inputs import find_inputs
from ramify.data.volume import Volume


def find_images(source: Path, suffix: str, cases: Sequence[str]) -> dict[str, Path]:
    """Case -> file or DICOM folder, of the cases that have one.

    Args:
        source: as `predict.py --input`, or a path with {case} where the case's name goes. One image and one case
            belong together, whatever they are called.
        suffix: what the images' names end in, no part of the case's. Without one, CASE_0000 is of CASE, too.
        cases: their names.

    Raises:
        FileNotFoundError: nothing there. ValueError: no image of any case, or several where {case} names one's place.
    """
    if is_of_each_case(source):
        paths = {case: path_of_case(source, case) for case in cases}
        found = {case: _only_image(path) for case, path in paths.items() if file_of(path).exists()}
    else:
        inputs = find_inputs(source)
        if len(inputs) == len(cases) == 1:
            return {cases[0]: inputs[0].path}
        # A suffix may be given with its .nii.gz.
        by_name = {name: one.path for one in inputs for name in (one.path.name, one.case_id)}
        found = {case: path for case in cases if (path := _of_case(case, suffix, by_name)) is not None}
    if cases and not found:
        raise ValueError(
            f"--image {source}: no image of any case; expected names such as {cases[0]}{suffix}, or a path with {CASE} "
            "in it; if the names end otherwise, give --image-suffix"
        )
    return found


def _only_image(path: Path) -> Path:
    first, *others = find_inputs(path)
    if others:
        raise ValueError(
            f"--image {path}: {len(others) + 1} images of one case ({first.path.name}, {others[0].path.name}, ...); "
            f"name the file behind {CASE}, too"
        )
    return first.path


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
    channels = read_images([path], Channels(picked=(ALL,)), spacing_mm, series)
    if tuple(channels) == COLOURS:
        channels = read_images([path], Channels(picked=(LUMINANCE,)), spacing_mm)
    return next(iter(channels.values()))
