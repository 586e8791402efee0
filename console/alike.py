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


def naming_case(case_id: str, line: str) -> str:
    """A line about a case, which is put before it where the line does not name it."""
    return line if _without_name(case_id, line) != line else f"case {case_id}: {line}"


def _without_name(case_id: str, line: str) -> str:
    """The line without the case wherever it stands by itself; one that is a number, only where it is surely the case.

    That is after the word, at the line's start, and in names of files and folders: case 2 may have a label 2.
    """
    name = rf"(?<![A-Za-z0-9]){re.escape(case_id)}(?![A-Za-z0-9])"
    if not any(letter.isalpha() for letter in case_id):
        file = rf"{name}(?=[\w.-]*\.[A-Za-z])"
        name = rf"(?<=\bcase ){name}|^{name}(?=[:/\\])|(?<=[/\\]){name}|{file}"
    return re.sub(name, "\0", line)


def _named(cases: list[str]) -> str:
    more = len(cases) - _MOST_NAMED
    return ", ".join(cases[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
