"""Names that are nearly the same: of files that seem to belong together, of labels and folders that seem meant."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from ramify.data.case_paths import CASE


def mistyped(name: str, known: Iterable[str]) -> str | None:
    """The one of some names, as it is spelt, that a name may have been mistyped for, in capitals or not.

    Examples:
        >>> from ramify.data.near_names import mistyped
        >>> mistyped("vesel", ["Liver", "Vessel"]), mistyped("heart", ["Liver", "Vessel"])
        ('Vessel', None)
    """
    spelt = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), list(spelt), n=1)
    return spelt[near[0]] if near else None


def partner_of(name: str, others: Iterable[str]) -> str | None:
    """The one of some names that is nearly the same as a name; None where there is none, or several.

    Nearly the same is a name that differs in capitals alone; else one that has the name standing by itself in it, in
    capitals or not; else one that so stands in the name. Words are whole: case_1 does not stand in case_10.

    Examples:
        >>> from ramify.data.near_names import partner_of
        >>> partner_of("Liver 1", ["liver 1", "Liver 2"]), partner_of("Liver 1", ["liver 1 LABEL", "Liver 10"])
        ('liver 1', 'liver 1 LABEL')
        >>> partner_of("case_1", ["case_10"]), partner_of("a", ["a_x", "a_y"])
        (None, None)
    """
    return _partners_of([name], others).get(name)


def _partners_of(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Name -> its partner among the others, as `partner_of`, for as many names as there may be."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    longer: defaultdict[str, list[str]] = defaultdict(list)
    for other in others:
        folded = other.casefold()
        alike[folded].append(other)
        for part in _parts(folded) - {folded}:
            longer[part].append(other)
    found = {}
    for name in names:
        folded = name.casefold()
        shorter = (other for part in _parts(folded) for other in alike.get(part, ()))
        near = alike.get(folded) or longer.get(folded) or [*shorter]
        if len(near) == 1:
            found[name] = near[0]
    return found


def partners(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Name -> its partner among the others, where each is the partner of the other alone."""
    names, others = list(names), list(others)
    back = _partners_of(others, names)
    return {name: other for name, other in _partners_of(names, others).items() if back.get(other) == name}


def in_pattern(name: str, longer: str, pattern: str) -> str | None:
    """A pattern with {case} in it that finds a longer name for the name; None where the name is not so in it."""
    stands = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
    by_case, count = re.subn(stands, CASE, longer)
    return pattern.replace(CASE, by_case) if count else None


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


def _parts(name: str) -> set[str]:
    """All parts of a name that stand by themselves in it, and the whole."""
    starts = [place for place in range(len(name)) if place == 0 or not name[place - 1].isalnum()]
    ends = [place for place in range(1, len(name) + 1) if not name[place : place + 1].isalnum()]
    return {name[start:end] for start in starts for end in ends if start < end}


def told(name: str, partner: str) -> str:
    """How two names differ, in words."""
    return "differs in capitals alone" if name.casefold() == partner.casefold() else "is called nearly so"
