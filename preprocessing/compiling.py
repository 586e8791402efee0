"""Kernels compiled before the cases are given out: once, where each of several workers would compile them all anew.

What is compiled is kept on the disk, and read there by the workers. It takes most of the time of a small preparation
that is the first of its machine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.processes.crew import Crew

_KERNELS = "the kernels of a preparation"
"""Given out like a case; no case is called so, since a case's name is a folder's."""
_SIDE = 48
_LIMBS = (
    ((4, 24, 24), (44, 24, 24), 5.0),
    ((20, 24, 24), (34, 40, 40), 3.5),
    ((26, 24, 24), (10, 8, 38), 2.5),
    ((34, 40, 40), (42, 44, 30), 1.6),
    ((34, 40, 40), (24, 45, 45), 1.0),
    ((10, 8, 38), (4, 6, 44), 0.6),
    ((6, 40, 6), (14, 40, 6), 1.0),
)
"""Of a small tree: from where to where, in voxels, and how thick. One lies apart, and some are hardly a voxel wide."""


def compile_first(crew: Crew[CaseReader], case_ids: Sequence[str]) -> None:
    """Compile what a preparation calls while another worker reads the first case, and compiles what reading calls.

    crew: of several workers on this machine. case_ids: those it will be given.
    """
    for _ in crew.reports(_compile_or_read, [_KERNELS, *case_ids[:1]], _nothing):
        pass


def _compile_or_read(reader: CaseReader, what: str) -> None:
    try:
        if what == _KERNELS:
            prepare_case(small_case(), PreprocessingSettings(grid=GridSettings(crop="volume")))
        else:
            reader.read(what)
    except (ValueError, OSError, MemoryError):
        # Whoever prepares it tells what is wrong with it.
        return


def _nothing(case_id: str, how: str) -> None:
    """A worker that died; those that come after it find out why."""


def small_case() -> RawCase:
    """A tree in a box, whose preparation calls nearly every kernel that a patient's does."""
    mask = np.zeros((_SIDE,) * 3, bool)
    for start, stop, radius in _LIMBS:
        mask |= _limb(start, stop, radius)
    spacing_mm = (1.5, 1.0, 1.0)
    image = Volume(np.where(mask, 180.0, 90.0).astype(np.float32), spacing_mm)
    vessels = image.with_array(mask)
    return RawCase("small", "small", {"CT": image}, image.with_array(np.ones_like(mask)), vessels)


def _limb(start: Sequence[float], stop: Sequence[float], radius: float) -> NDArray[np.bool_]:
    """Voxels (*S) no farther than the radius from a straight line."""
    first, along = np.array(start, float), np.subtract(stop, start)
    places = np.moveaxis(np.indices((_SIDE,) * 3), 0, -1) - first
    share = np.clip(places @ along / (along @ along), 0, 1)
    return np.asarray(((places - share[..., None] * along) ** 2).sum(axis=-1) <= radius**2)
