"""Names of labels and masks that say that they are an organ, and no vessel of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ORGANS = (
    "organ",
    "liver",
    "foie",
    "leber",
    "lung",
    "lungs",
    "kidney",
    "kidneys",
    "brain",
    "pancreas",
    "spleen",
    "heart",
)
_OF_VESSELS = ("vessel", "vein", "vena", "venous", "arter", "aorta", "portal", "tumor", "tumour", "lesion", "cyst")


def is_organ_name(name: str) -> bool:
    """Whether a name is an organ's.

    Examples:
        >>> from ramify.data.organ_names import is_organ_name
        >>> [is_organ_name(name) for name in ("Liver", "left_lung", "liver vessels", "Vessel", "sliver")]
        [True, True, False, False, False]
    """
    words = re.split(r"[^a-z]+", name.casefold())
    return any(word in _ORGANS for word in words) and not any(part in name.casefold() for part in _OF_VESSELS)


def organs_in(names: Iterable[str]) -> list[str]:
    """Those of some names that are an organ's."""
    return [name for name in names if is_organ_name(name)]
