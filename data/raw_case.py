"""One patient as a data set gives it: channels, organ, classes, named structures on one grid, and their origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ramify.data.resample import resample_mask_like
from ramify.data.unplaced import check_can_be_moved, laid_on
from ramify.data.volume import Volume, check_same_geometry
from ramify.tasks.class_table import SINGLE, ClassTable


@dataclass(frozen=True, eq=False)
class RawCase:
    """Image and masks of one case; every channel and mask lies on the image's grid.

    Attributes:
        case_id: a name that is safe as a folder's name.
        patient_id: folds never part what belongs to one patient.
        images: intensities as stored (CT: HU), a channel each, by name and in order; at least one.
        organ: the organ's mask, bool, or None where the data set has none.
        vessels: every vessel voxel as annotated, bool, also outside the organ.
        structures: named sub-masks (portalvein, ...).
        provenance: plain data for JSON: adapter, its settings, source files with their SHA-256.
        classes: which class each voxel is of, uint8 (see ClassTable); None where there is one class and none ignored.
        table: what the numbers in `classes` mean; its classes with the role vessel are `vessels`.
        organ_hint: how to have the organ that its labels seem to hold, where none was asked for.

    Raises ValueError for a channel or mask that lies elsewhere than the first channel, a mask that is not boolean, no
    channel, and a class map without need or missing.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import RawCase, Volume
        >>> image = Volume(np.zeros((4, 5)), (1.0, 1.0))
        >>> case = RawCase("a", "a", {"image": image}, None, image.with_array(np.ones((4, 5), bool)))
        >>> case.vessels.array.sum().item()
        20
    """

    case_id: str
    patient_id: str
    images: Mapping[str, Volume]
    organ: Volume | None
    vessels: Volume
    structures: Mapping[str, Volume] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    classes: Volume | None = None
    table: ClassTable = SINGLE
    organ_hint: str = ""

    def __post_init__(self) -> None:
        case = f"case {self.case_id}"
        if not self.images:
            raise ValueError(f"{case}: has no image; give it one channel at least")
        (first, image), *others = self.images.items()
        for name, other in others:
            check_same_geometry(image, other, f"channel {first}", f"{case}, channel {name}", "bring both onto one grid")
        for name, mask in self.masks().items():
            if mask.array.dtype != np.bool_:
                raise ValueError(f"{case}, {name}: expected a boolean mask, got {mask.array.dtype}")
            check_same_geometry(image, mask, "image", f"{case}, {name}")
        if (self.classes is None) != self.table.is_single:
            raise ValueError(
                f"{case}: a class map goes with a table of several classes or ignored voxels, and it alone"
            )
        if self.classes is not None:
            if self.classes.array.dtype != np.uint8:
                raise ValueError(f"{case}, classes: expected a class map of uint8, got {self.classes.array.dtype}")
            check_same_geometry(image, self.classes, "image", f"{case}, classes")

    @property
    def image(self) -> Volume:
        """The first channel: the grid of all."""
        return next(iter(self.images.values()))

    def masks(self) -> dict[str, Volume]:
        """Every mask by name: organ (if any), vessels, then the structures."""
        organ = {} if self.organ is None else {"organ": self.organ}
        return {**organ, "vessels": self.vessels, **self.structures}

    def reading_notes(self) -> list[str]:
        """What the readers of channels and masks had to assume or to mend, each line once."""
        told: dict[str, str] = {}
        for name, volume in {**self.images, **self.masks()}.items():
            for note in volume.notes:
                told.setdefault(note, f"{name}: {note}")
        return list(told.values())


def place_mask(mask: Volume, image: Volume, name: str, resample: bool, image_name: str = "image") -> Volume:
    """The mask on the image's own grid: checked, or with `resample` brought there in physical space where it differs.

    A mask of a picture or TIFF, which knows no millimetres, lies on an image of its shape voxel by voxel.
    Raises ValueError that shows both grids where they differ and `resample` is False, or the place of one is not known.
    """
    mask = laid_on(mask, image)
    try:
        check_same_geometry(image, mask, image_name, name)
    except ValueError:
        if not resample:
            raise
        check_can_be_moved(mask, name)
        check_can_be_moved(image, image_name)
        return resample_mask_like(mask, image, name, image_name)
    return replace(image, array=mask.array, notes=mask.notes)
