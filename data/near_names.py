"""Names that are nearly the same: of files that seem to belong together, and of folders that seem to be meant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_MOST_COMPARED = 1_000_000
"""Pairs of names; where nothing fits, one line says so as well as many."""


def partner_of(name: str, others: Iterable[str]) -> str | None:
    """The one of some names that differs from a name in case alone, or has something before or behind it.

    None where there is none, or several. Words are whole: case_1 is no part of case_10.

    Examples:
        >>> from ramify.data.near_names import partner_of
        >>> partner_of("Liver 1", ["liver 1", "Liver 2"]), partner_of("Liver 1", ["Liver 1 LABEL", "Liver 10"])
        ('liver 1', 'Liver 1 LABEL')
        >>> partner_of("case_1", ["case_10"]), partner_of("a", ["a_x", "a_y"])
        (None, None)
    """
    others = [other for other in others if other != name]
    alike = [other for other in others if other.casefold() == name.casefold()]
    found = alike or [other for other in others if _added(name, other) or _added(other, name)]
    return found[0] if len(found) == 1 else None


def partners(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Name -> its partner among the others, where each is the partner of the other alone."""
    names, others = list(names), list(others)
    if len(names) * len(others) > _MOST_COMPARED:
        return {}
    found = {name: other for name in names if (other := partner_of(name, others)) is not None}
    return {name: other for name, other in found.items() if partner_of(other, names) == name}


def in_pattern(name: str, partner: str, pattern: str) -> str | None:
    """A pattern with {case} in it that finds the partner for the name; None where a word about their names must do."""
    added = _added(name, partner)
    if added is None:
        return None
    before, behind = added
    return pattern.replace("{case}", f"{before}{{case}}{behind}")


def folder_meant(root: Path, pattern: str) -> str:
    """What a missing folder of a pattern, seen from the root, may be called instead; empty where none is missing."""
    place = root
    for part in Path(pattern).parts[:-1]:
        if any(sign in part for sign in "*?[{"):
            return ""
        if not (place / part).is_dir():
            near = [
                child.name for child in sorted(place.iterdir()) if child.is_dir() and _same_folder(child.name, part)
            ]
            return str((place / near[0]).relative_to(root)) if near else ""
        place /= part
    return ""


def _same_folder(one: str, other: str) -> bool:
    return one.casefold().rstrip("s") == other.casefold().rstrip("s")


def _added(name: str, longer: str) -> tuple[str, str] | None:
    """What a longer name has before and behind a name; None where it has not, or goes on with its word."""
    before, found, behind = longer.partition(name)
    if not name or not found or not (before or behind) or before[-1:].isalnum() or behind[:1].isalnum():
        return None
    return before, behind


def told(name: str, partner: str) -> str:
    """How two names differ, in words."""
    return "differs in case alone" if name.casefold() == partner.casefold() else "is called nearly so"
