"""What the structures of 3D-IRCADb are called, in which spellings, and which of them are vessels."""

from __future__ import annotations

import re
from collections.abc import Mapping

ORGAN = "liver"

STRUCTURES: Mapping[str, frozenset[str]] = {
    "portal": frozenset({"portalvein", "portalveins", "portal"}),
    "hepatic": frozenset({"venoussystem", "venacava", "venacave", "hepaticvein", "hepaticveins"}),
    "artery": frozenset({"artery", "arteries", "hepaticartery"}),
    "tumours": frozenset({"livertumor", "livertumors", "livertumour", "livertumours"}),
    ORGAN: frozenset({ORGAN}),
}
"""Spellings by group, in lower case and without digits or signs: `portalvein1` is `portalvein`.

Eight cases (2, 3, 10 to 13, 18, 20) have no `venoussystem`: there the hepatic veins are in `venacava`, drawn together
with the caval vein they drain into; in the other twelve `venoussystem` holds both. No case has the two. So both spell
the hepatic veins, and the cava, which runs along the liver, goes where preprocessing restricts vessels to the liver.
"""

PRESETS: Mapping[str, tuple[str, ...]] = {
    "portal": ("portal",),
    "portal+hepatic": ("portal", "hepatic"),
    "portal+hepatic+artery": ("portal", "hepatic", "artery"),
}
OPTIONAL = {"artery"}
"""Eight of the twenty cases have no artery drawn; they are as complete without it."""


def group_of(structure: str) -> str | None:
    """The group ("portal", "hepatic", "artery", "tumours", "liver") of a structure's name, or None."""
    plain = _plain(structure)
    return next((group for group, spellings in STRUCTURES.items() if plain in spellings), None)


def _plain(structure: str) -> str:
    """A structure's name in lower case and without digits or signs."""
    return re.sub(r"[^a-z]", "", structure.lower())


def is_meant(value: str, structure: str) -> bool:
    """Whether a class's value means a structure: by the name of its folder, or by that of its group."""
    return value.lower() in (structure.lower(), _plain(structure), group_of(structure))
