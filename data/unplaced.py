"""Pictures and TIFF know no millimetres: they lie where another file of their shape lies, or nowhere."""

from __future__ import annotations

from dataclasses import replace

from ramify.data.volume import Volume

_REMEDY = "give its voxel size with --spacing-mm (of pairs: --pairs.spacing-mm), or save it with its place, as .nii.gz"


def laid_on(volume: Volume, other: Volume) -> Volume:
    """A volume whose place is not known, in the place of another of its shape; any other volume as it is."""
    if volume.placed or not other.placed or volume.shape != other.shape:
        return volume
    if volume.describe_geometry() == other.describe_geometry():
        return volume
    sides = " x ".join(f"{side:.4g}" for side in other.spacing_mm)
    note = f"its file carries no millimetres: taken to lie on the other one, voxels of {sides} mm"
    return replace(other, array=volume.array, notes=(*volume.notes, note))


def check_can_be_moved(volume: Volume, name: str) -> None:
    """Raise ValueError for a volume that cannot be resampled in physical space, since its place is not known."""
    if not volume.placed:
        raise ValueError(f"{name}: carries no millimetres, so it cannot be brought onto another grid; {_REMEDY}")


def notes_on_size(volume: Volume) -> list[str]:
    """What to say of a volume that is measured in mm, and whose file knows none: nothing of any other."""
    if volume.placed:
        return []
    return ["its file carries no millimetres: a voxel counts as 1 mm; give its size with --spacing-mm"]
