"""Windows of cases that hold tissues instead of an image of their own: cut as labels, and then painted as a CT."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ramify.appearance.appearance import draw_appearance, paint
from ramify.appearance.settings import AppearanceSettings
from ramify.data.augmentation import Window, apply_augmentation
from ramify.data.augmentations.drawn import Augmentation, GreyChange
from ramify.data.case_store import Case

TISSUES, SHARES = "tissues", "shares"
"""Arrays of such a case: tissue map, uint8 (*S), and how much of each voxel the vessel systems fill in 255ths, uint8
(2, *S); `phantoms.anatomy` says more."""
WINDOW = "painted_window"
"""Key of its record: what intensities in HU become 0 and 1 in its prepared image."""


def check_can_be_painted(case: Case) -> None:
    """Raise ValueError where a case has no tissues to paint."""
    if TISSUES not in case.arrays or SHARES not in case.arrays or WINDOW not in case.record:
        raise ValueError(
            f"case {case.case_id}: has no tissues that an appearance can be drawn for; make the cases with "
            "synthesise.py, or leave appearance.paint out"
        )


def to_be_painted(
    case: Case, drawn: Augmentation, scale_map: np.ndarray, tube: np.ndarray, where: Mapping[str, Any]
) -> Window:
    """A window without an image yet: its three channels are the shares of the two vessel systems, in 255ths, and the
    tissues.

    where: `output_shape` and `centre`, as for `apply_augmentation`.
    """
    tissues, shares = np.asarray(case.arrays[TISSUES]), np.asarray(case.arrays[SHARES])
    moved_alone = replace(drawn, grey_changes=())
    spacing = case.known.spacing_mm
    fill = [0.0] * len(shares)
    window = apply_augmentation(moved_alone, shares, scale_map, tube, spacing, lowest=fill, class_map=tissues, **where)
    assert window.class_map is not None, "it was given"
    return Window(np.concatenate([window.image, window.class_map[None].astype(np.float32)]), window.labels, window.tube)


def painted(
    window: Window,
    settings: AppearanceSettings,
    case: Case,
    grey_changes: Sequence[GreyChange],
    random: np.random.Generator,
) -> Window:
    """The same window with an image, float32 (1, *s), of an appearance drawn for it alone; then come the grey changes
    of its augmentation."""
    *shares, tissues = window.image
    appearance = draw_appearance(settings, random)
    filled = (np.stack(shares) / 255).astype(np.float32)
    image = paint(appearance, tissues.astype(np.uint8), filled, case.known.spacing_mm, random)
    low, high = case.record[WINDOW]
    image = np.clip((image - np.float32(low)) / np.float32(high - low), 0, 1)
    for change, channel in grey_changes:
        if channel in (None, 0):
            change(image, case.known.spacing_mm)
    return window._replace(image=image[None])
