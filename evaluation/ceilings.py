"""What a perfect mask on the prepared grid of each case scores, from the store: what scores are to be held against."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ramify.data.case_store import REMEDY, open_store, read_record
from ramify.data.volume import Volume
from ramify.evaluation.settings import EvaluateCommand

Ceiling = Mapping[str, float | None]
_TOLERANCE = 1e-3


class Drawn(NamedTuple):
    """A true mask as it was drawn, by which it is known again: shape, spacing in mm, and how many vessel voxels."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    vessel_voxels: int


def drawn_of(truth: Volume) -> Drawn:
    """What a true mask is known by.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.evaluation.ceilings import drawn_of
        >>> drawn_of(Volume(np.eye(4, dtype=bool), (2.0, 1.0)))
        Drawn(shape=(4, 4), spacing_mm=(2.0, 1.0), vessel_voxels=4)
    """
    return Drawn(truth.shape, truth.spacing_mm, int(np.count_nonzero(truth.array)))


class PreparedCase(NamedTuple):
    """A case's ceiling, None where it has no vessel, and the truth that it was made from."""

    ceiling: Ceiling | None
    drawn: Drawn


def read_ceilings(store: Path, case_ids: Sequence[str], command: EvaluateCommand) -> dict[str, PreparedCase]:
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
    return {case_id: PreparedCase(_comparable(record, command), _drawn(record)) for case_id, record in found.items()}


def misfit(prepared: Drawn, truth: Drawn) -> str:
    """What says that a case was prepared from another truth than the one of its name; empty where it fits.

    Axes may lie in another order in the two files.

    Examples:
        >>> from ramify.evaluation.ceilings import Drawn, misfit
        >>> misfit(Drawn((40, 40), (1.0, 1.0), 90), Drawn((40, 40), (1.0, 1.0), 90))
        ''
        >>> misfit(Drawn((40, 40), (1.0, 1.0), 90), Drawn((12, 40), (5.0, 0.3), 90))
        'shape 40 x 40, spacing 1 x 1 mm, 90 vessel voxels, where the truth has shape 12 x 40, spacing 5 x 0.3 mm, 90'
    """
    theirs, ours = (sorted(zip(one.shape, one.spacing_mm, strict=True)) for one in (prepared, truth))
    same_grid = len(theirs) == len(ours) and np.allclose(theirs, ours, rtol=_TOLERANCE, atol=0)
    if same_grid and prepared.vessel_voxels == truth.vessel_voxels:
        return ""
    return f"{_told(prepared)} vessel voxels, where the truth has {_told(truth)}"


def _told(drawn: Drawn) -> str:
    shape, spacing = (" x ".join(f"{side:g}" for side in sides) for sides in (drawn.shape, drawn.spacing_mm))
    return f"shape {shape}, spacing {spacing} mm, {drawn.vessel_voxels}"


def _drawn(record: Mapping[str, Any]) -> Drawn:
    grid = record["grid"]
    return Drawn(tuple(grid["native_shape"]), tuple(grid["native_spacing_mm"]), int(record["native_voxels"]["vessels"]))


def mean_ceiling(ceilings: Mapping[str, Ceiling]) -> dict[str, float]:
    """The mean of each measure over the cases that define it."""
    names = dict.fromkeys(name for ceiling in ceilings.values() for name in ceiling)
    values = {name: [value for one in ceilings.values() if (value := one.get(name)) is not None] for name in names}
    return {name: sum(its) / len(its) for name, its in values.items() if its}


def _is_cut(record: Mapping[str, Any]) -> bool:
    return bool(record["organ_given"] and record["settings"]["restrict_to_organ"])


def _comparable(record: Mapping[str, Any], command: EvaluateCommand) -> Ceiling | None:
    """What of a case's ceiling depends on no setting in which the evaluation differs: of skeletons, and of scales."""
    ceiling: dict[str, float | None] | None = record["ceiling"]
    if ceiling is None:
        return None
    other_scales = record["settings"]["scales"] != command.scales.model_dump(mode="json")
    return {
        name: value
        for name, value in ceiling.items()
        if not (other_scales and name.startswith("scale_"))
        and not (command.skeleton != "guarded" and name.endswith(("cldice", "tsens")))
    }
