"""From a raw case to a training case: crop, resample, scale the grey values, take the vessels apart by size."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ramify.data.large_arrays import zeros
from ramify.data.provenance import versions
from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.preprocessing.case_fingerprint import fingerprint_of
from ramify.preprocessing.class_labels import count_classes, label_case
from ramify.preprocessing.grid import WHOLE_VOLUME, Grid, plan_grid
from ramify.preprocessing.intensity import IntensitySettings, check_intensities, normalise
from ramify.preprocessing.organ_parts import main_parts
from ramify.preprocessing.plausibility import doubts_about_input, doubts_about_vessels
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.vessels.patient_axes import layout_name

NO_VESSEL = (
    "its vessel mask is empty: kept as a case without a vessel, from which a network learns where none are; if it "
    "should have some, check the mask, or which structures or labels count as vessels"
)
PREPARATION = 2
"""Raised whenever the same input gives other arrays than before: cases of another number are made anew."""
SHAPING = {"python", "numpy", "scipy", "scikit-image", "SimpleITK", "numba"}


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """What a network sees, and the way back.

    Attributes:
        image: scaled intensities, float32 (C, *S), axes along the patient's z, y, x; a large one is in a file, see
            `data.large_arrays`.
        organ: organ mask on the same grid, bool (*S), or None.
        grid: leads back to the native grid.
    """

    image: np.ndarray
    organ: np.ndarray | None
    grid: Grid


def prepare_image(
    images: Mapping[str, Volume], organ: Volume | None, settings: PreprocessingSettings, name: str = "image"
) -> PreparedImage:
    """An image as training and prediction alike see it.

    Args:
        images: grey values of each channel on one native grid, by its name.
        organ: organ mask, bool, on the same grid; needed when `grid.crop` is "organ".
        settings: crop, resampling and scaling.
        name: what the image is called in errors.

    Raises:
        ValueError: NaN, infinity or a constant channel; a rule of a channel there is not; no organ to crop to; a size
            for another number of axes.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.preprocessing import GridSettings, PreprocessingSettings, prepare_image
        >>> image = Volume(np.linspace(-150.0, 250.0, 64).reshape(8, 8), (1.0, 1.0))
        >>> settings = PreprocessingSettings(grid=GridSettings(crop="volume", size=(4, 4)))
        >>> prepared = prepare_image({"image": image}, None, settings)
        >>> prepared.image.shape, prepared.grid.to_native(prepared.image[0]).shape  # and back
        ((1, 4, 4), (8, 8))
    """
    grid, rules = plan_image(images, organ, settings, name)
    prepared_organ = None if organ is None else grid.mask_to_prepared(organ.array)
    prepared = zeros((len(images), *grid.shape), np.float32)
    for out, (channel, image) in zip(prepared, images.items()):
        values = grid.image_to_prepared(image.array)
        normalise(values, rules[channel], prepared_organ, _named(name, channel, images), out)
    return PreparedImage(prepared, prepared_organ, grid)


def plan_image(
    images: Mapping[str, Volume], organ: Volume | None, settings: PreprocessingSettings, name: str
) -> tuple[Grid, dict[str, IntensitySettings]]:
    """The grid on which an image is prepared, and the rule of each channel; arguments and errors as `prepare_image`."""
    for channel, image in images.items():
        check_intensities(image.array, _named(name, channel, images))
    try:
        return plan_grid(next(iter(images.values())), organ, settings.grid), settings.rules(images)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _named(name: str, channel: str, images: Mapping[str, Volume]) -> str:
    return name if len(images) == 1 else f"{name}, channel {channel}"


def prepare_case(raw: RawCase, settings: PreprocessingSettings) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the record of a prepared case; the same input gives the same bytes.

    Args:
        raw: channels, organ, vessels, classes and named structures on one grid.
        settings: how it is prepared.

    Returns:
        Arrays `image` float32 (C, *S), and (*S) each: `organ` uint8 (all ones without an organ mask), `scales` uint8
        (0 background, 1 the smallest vessels), `skeleton` and `tubed_skeleton` uint8, `branches` int32 and, unless
        vessels are all there is, `classes` uint8; axes along the patient's z, y, x. And a record for JSON: geometry,
        provenance, voxel counts before and after resampling, thresholds, radii, fingerprint, what a perfect mask on
        this grid scores, notes, settings and versions.

    Raises:
        ValueError: an image without information, no organ to crop to, or vessels of which none is left inside the organ
            or on the prepared grid; the line names the case. A case that never had a vessel is kept.

    Examples:
        >>> from ramify.data import DatasetSettings, open_dataset
        >>> from ramify.preprocessing import GridSettings, PreprocessingSettings, prepare_case
        >>> settings_of_phantoms = {"phantom": {"size": (48, 48), "spacing_mm": (4, 4)}}
        >>> phantoms = open_dataset(DatasetSettings.model_validate(settings_of_phantoms))
        >>> settings = PreprocessingSettings(grid=GridSettings(size=(32, 32)))
        >>> arrays, record = prepare_case(phantoms.load("phantom_000"), settings)
        >>> arrays["scales"].shape, int(arrays["scales"].max()), len(record["scales"]["thresholds_mm"])
        ((32, 32), 3, 2)
    """
    name, given = f"case {raw.case_id}", raw
    raw = checked_organ(raw, settings)
    doubts = doubts_about(raw, settings)
    region = raw.organ.array if raw.organ is not None and settings.restrict_to_organ else None
    prepared = prepare_image(raw.images, raw.organ, settings, name)
    cut_to = None if region is None else prepared.organ
    try:
        labelled = label_case(raw, region, cut_to, prepared.grid, settings.scales, settings.tube_radius)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    labels = labelled.vessels
    doubts += labelled.doubts
    organ = np.ones(labels.mask.shape, bool) if prepared.organ is None else prepared.organ
    arrays = {
        "image": prepared.image,
        "organ": organ.astype(np.uint8),
        **({} if labelled.class_map is None else {"classes": labelled.class_map}),
        "scales": labels.scale_map,
        "skeleton": labels.skeleton.astype(np.uint8),
        "tubed_skeleton": labels.tubed_skeleton.astype(np.uint8),
        "branches": labels.branches,
    }
    counts = count_classes(raw, region, labelled.class_map)
    record = {
        "patient_id": raw.patient_id,
        "shape": list(prepared.grid.shape),
        "spacing_mm": list(prepared.grid.spacing_mm),
        "orientation": layout_name(prepared.grid.ndim),
        "channels": list(raw.images),
        "classes": raw.table.model_dump(mode="json"),
        "grid": prepared.grid.to_dict(),
        "organ_given": given.organ is not None,
        "native_voxels": _count({key: mask.array for key, mask in given.masks().items()}),
        "native_voxels_inside_organ": _count_inside(raw),
        "prepared_voxels": _count({"organ": organ, "vessels": labels.mask}),
        **counts,
        "scales": labels.description,
        "fingerprint": fingerprint_of(raw, settings).model_dump(mode="json"),
        "ceiling": labelled.ceiling,
        "ceilings": dict(labelled.ceilings),
        "notes": [*doubts, *_consequences(raw, settings), *_lacking(counts)],
        "warnings": doubts,
        "settings": settings.model_dump(mode="json"),
        "preparation": PREPARATION,
        # Only what shapes a case: it is the same case whatever else changed in the code and the packages around it.
        "versions": {name: number for name, number in versions().items() if name in SHAPING},
        "provenance": dict(raw.provenance),
    }
    return arrays, record


def checked_organ(raw: RawCase, settings: PreprocessingSettings) -> RawCase:
    """The case with its organ's main parts, to which it is cut.

    Raises ValueError, which names the case, for one without an organ though its labels seem to have one, an empty
    organ, or one that vessels are cut to and holds none of them.
    """
    name = f"case {raw.case_id}"
    if raw.organ is None:
        if settings.grid.crop == "organ" and raw.organ_hint:
            raise ValueError(f"{name}: no organ mask to crop to: {raw.organ_hint}; or {WHOLE_VOLUME}")
        return raw
    if not raw.organ.array.any():
        raise ValueError(f"{name}: the organ mask is empty; mend it, choose the organ's labels, or leave it out")
    organ, vessels = main_parts(raw.organ, settings.least_organ_part), raw.vessels.array
    if settings.restrict_to_organ and vessels.any() and not (vessels & organ.array).any():
        raise ValueError(
            f"{name}: none of its {np.count_nonzero(vessels)} vessel voxels lies inside the organ; check the masks, "
            "or keep vessels outside with --preprocessing.no-restrict-to-organ"
        )
    return replace(raw, organ=organ)


def doubts_about(raw: RawCase, settings: PreprocessingSettings) -> list[str]:
    """What asks for a look at the case: what was mended to read it, and what is hardly right."""
    organ = None if raw.organ is None else raw.organ.array
    return [
        *raw.reading_notes(),
        *doubts_about_input(raw.images, raw.organ, settings.rules(raw.images), settings.organ_ml),
        *doubts_about_vessels(raw.vessels.array, organ),
        *([] if raw.vessels.array.any() else [NO_VESSEL]),
    ]


def _consequences(raw: RawCase, settings: PreprocessingSettings) -> list[str]:
    """What follows from the settings and is worth knowing."""
    if raw.organ is None:
        return ["no organ mask: vessels and grey values of the whole volume are used"]
    outside = np.count_nonzero(raw.vessels.array & ~raw.organ.array)
    if outside and settings.restrict_to_organ:
        return [f"{outside:,} vessel voxels outside the organ were left out"]
    return []


def _lacking(counts: Mapping[str, Any]) -> list[str]:
    """A line for each class of which the case has no voxel."""
    return [f"no voxel of class {its['name']}" for its in counts.get("class_voxels", ()) if not its["native_voxels"]]


def _count(masks: Mapping[str, np.ndarray]) -> dict[str, int]:
    return {name: int(np.count_nonzero(mask)) for name, mask in masks.items()}


def _count_inside(raw: RawCase) -> dict[str, int]:
    """Voxels of every mask inside the organ; empty without an organ mask."""
    if raw.organ is None:
        return {}
    organ = raw.organ.array
    return _count({name: mask.array & organ for name, mask in raw.masks().items() if name != "organ"})
