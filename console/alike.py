"""Lines that are the same for many cases but for the case: the first is told at once, the others by their names."""

import re

_MOST_NAMED = 5


class AlikeLines:
    """What was told of cases so far.

    Examples:
        >>> from ramify.console.alike import AlikeLines
        >>> told = AlikeLines()
        >>> [told.is_new(case, f"images/{case}.png: in colour") for case in ("a1", "a2", "a3")]
        [True, False, False]
        >>> told.rest()
        ['a2, a3: as a1, above']
    """

    def __init__(self) -> None:
        self._cases: dict[str, list[str]] = {}

    def is_new(self, case_id: str, line: str) -> bool:
        """Whether nothing like this line was told of another case."""
        alike = self._cases.setdefault(_without_name(case_id, line), [])
        alike.append(case_id)
        return len(alike) == 1

    def rest(self) -> list[str]:
        """A line for each one that was the same of further cases: which these are."""
        return [f"{_named(others)}: as {first}, above" for first, *others in self._cases.values() if others]


def _without_name(case_id: str, line: str) -> str:
    """The line without the case where it begins with it, and in names of files and folders.

    Nowhere else: case 2 may have a label 2.
    """
    name = rf"(?<![A-Za-z0-9]){re.escape(case_id)}(?![A-Za-z0-9])"
    start, folder, file = rf"^case {name}|^{name}(?=[:/\\])", rf"(?<=[/\\]){name}", rf"{name}(?=[\w.-]*\.[A-Za-z])"
    return re.sub(f"{start}|{folder}|{file}", "\0", line)


def _named(cases: list[str]) -> str:
    more = len(cases) - _MOST_NAMED
    return ", ".join(cases[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
