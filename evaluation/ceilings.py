"""What a perfect mask on the prepared grid of each case scores, from the store: what scores are to be held against."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.data.case_store import REMEDY, open_store, read_record
from ramify.evaluation.settings import EvaluateCommand

Ceiling = Mapping[str, float | None]


def read_ceilings(store: Path, case_ids: Sequence[str], command: EvaluateCommand) -> dict[str, Ceiling]:
    """The ceilings of the cases that the store has; of measures that the evaluation takes as the store did.

    Args:
        store: folder of prepared cases.
        case_ids: those that are evaluated.
        command: how.

    Raises:
        ValueError: none of the cases is there, one was prepared by an earlier version, or its vessels were cut to the
            organ and the evaluation's are not, or the other way round. FileNotFoundError: no store.
    """
    known = set(open_store(store))
    found = {case_id: read_record(store, case_id) for case_id in case_ids if case_id in known}
    if not found:
        raise ValueError(
            f"{store}: none of the cases is among its {len(known)}; leave --prepared out, or give its store"
        )
    for case_id, record in found.items():
        if "ceiling" not in record:
            raise ValueError(f"{store / case_id}: tells no ceiling; {REMEDY}")
        if (cut := _is_cut(record)) != (command.organ is not None):
            its, remedy = ("cut to its organ", "give --organ") if cut else ("not cut to an organ", "leave --organ out")
            raise ValueError(f"{store / case_id}: was {its}, and its ceiling is of what was kept; {remedy}")
    return {case_id: _comparable(record, command) for case_id, record in found.items() if record["ceiling"] is not None}


def mean_ceiling(ceilings: Mapping[str, Ceiling]) -> dict[str, float]:
    """The mean of each measure over the cases that define it."""
    names = dict.fromkeys(name for ceiling in ceilings.values() for name in ceiling)
    values = {name: [value for one in ceilings.values() if (value := one.get(name)) is not None] for name in names}
    return {name: sum(its) / len(its) for name, its in values.items() if its}


def _is_cut(record: Mapping[str, Any]) -> bool:
    return bool(record["organ_given"] and record["settings"]["restrict_to_organ"])


def _comparable(record: Mapping[str, Any], command: EvaluateCommand) -> Ceiling:
    """What of a case's ceiling depends on no setting in which the evaluation differs: of skeletons, and of scales."""
    ceiling: dict[str, float | None] = record["ceiling"]
    other_scales = record["settings"]["scales"] != command.scales.model_dump(mode="json")
    return {
        name: value
        for name, value in ceiling.items()
        if not (other_scales and name.startswith("scale_"))
        and not (command.skeleton != "guarded" and name.endswith(("cldice", "tsens")))
    }
