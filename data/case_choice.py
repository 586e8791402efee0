"""Some of the cases that a command would work on: the first few, those of a list, or this job's share of them."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field, field_validator

from ramify.essential import Essential

_SHARD = re.compile(r"(\d+)/(\d+)")


class CaseChoice(BaseModel, frozen=True, extra="forbid"):
    """Which of the cases; first those of the list, of these a share, and of it the first few."""

    cases_from: Path | None = None
    """Take only the cases named in this text file, a line each."""
    shard: Essential[str | None] = None
    """Take only a share of the cases, such as 3/10: the third of ten jobs that take all between them, as those of an
    array do (docs/cluster.md)."""
    limit: int | None = Field(None, ge=1)
    """Take only so many cases, the first ones."""

    @field_validator("shard")
    @classmethod
    def _is_a_share(cls, shard: str | None) -> str | None:
        if shard is not None:
            match = _SHARD.fullmatch(shard)
            if match is None or not 1 <= int(match[1]) <= int(match[2]):
                raise ValueError(f"expected a share such as 3/10, from 1/10 to 10/10, got {shard!r}")
        return shard

    def chosen(self, case_ids: Sequence[str]) -> list[str]:
        """Those of all cases that are asked for, in their order.

        Raises:
            FileNotFoundError, ValueError: no such list, or one that names a case that there is not, or no case left.

        Examples:
            >>> from ramify.data.case_choice import CaseChoice
            >>> CaseChoice(shard="2/3").chosen(["a", "b", "c", "d", "e"])
            ['b', 'e']
        """
        chosen = list(case_ids)
        if self.cases_from is not None:
            listed = _listed(self.cases_from)
            if unknown := sorted(listed - set(chosen)):
                raise ValueError(f"{self.cases_from}: {unknown[0]}: no such case; there are {_some(chosen)}")
            chosen = [case_id for case_id in chosen if case_id in listed]
        if self.shard is not None:
            number, count = map(int, self.shard.split("/"))
            # In turn: large cases often stand beside one another.
            chosen = chosen[number - 1 :: count]
            if not chosen:
                raise ValueError(f"--shard {self.shard}: no case is left for it; there are fewer cases than shares")
        return chosen[: self.limit]


def _listed(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file in UTF-8; give one with the name of a case in each line") from None
    names = {line.strip() for line in lines if line.strip()}
    if not names:
        raise ValueError(f"{path}: names no case; give one with the name of a case in each line")
    return names


def _some(case_ids: Sequence[str]) -> str:
    shown = ", ".join(case_ids[:5])
    return shown + (f" and {len(case_ids) - 5} more" if len(case_ids) > 5 else "")
