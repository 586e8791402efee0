"""Whether a training goes on with the cases it began with: which ones, on which side, and prepared how."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.data.case_store import ALTERED, REMEDY, Case, differences, read_case
from ramify.preprocessing.prepare import PREPARATION
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.checkpoint_record import CaseDescription, FoldCases, Side

Identities = Mapping[str, Mapping[str, Any]]
"""Case id -> what `CaseRecord.identity` says of it."""
_SHOWN = 3
_SIDES: dict[Side, str] = {"train": "trained", "val": "validated"}


def identities_of(cases: Mapping[str, Case]) -> dict[str, dict[str, Any]]:
    """What a network learns from each case, in short, as plain data."""
    return {case_id: case.known.identity() for case_id, case in cases.items()}


def check_version(store: Path, cases: Mapping[str, Case]) -> None:
    """Refuse cases of another version of the preparation, whose labels mean something else.

    Raises ValueError that names the first one.
    """
    for case_id, case in cases.items():
        version = case.known.preparation
        if version not in (None, PREPARATION):
            what = f"prepared by version {version} of the preparation, this is version {PREPARATION}"
            raise ValueError(f"{store / case_id}: {what}; {REMEDY}")


def check_alike(cases: Mapping[str, Case]) -> None:
    """Refuse cases that were not prepared alike: a checkpoint can tell of one preparation alone.

    Raises ValueError that names two cases and what differs.
    """
    (first_id, first), *others = cases.items()
    for case_id, case in others:
        different = differences(first.settings, case.settings)
        for what, its, other in (
            ("axes", len(first.known.shape), len(case.known.shape)),
            ("scales", first.known.n_scales, case.known.n_scales),
        ):
            if its != other and not (what == "scales" and (_is_empty(first) or _is_empty(case))):
                different.append(f"{its} {what} where the other has {other}")
        # Channels and classes are known to a network by their places alone.
        for what, names, others_names in (
            ("channels", first.known.channels, case.known.channels),
            ("classes", first.known.classes.names, case.known.classes.names),
        ):
            if names != others_names:
                different.append(f"{what} {', '.join(names)} where the other has {', '.join(others_names)}")
        if not different and first.known.classes != case.known.classes:
            different.append("other values, roles or regions of its classes")
        if different:
            raise ValueError(
                f"cases {first_id} and {case_id} were prepared in different ways ({'; '.join(different[:_SHOWN])}); "
                "run preprocess.py again, or keep them in stores of their own"
            )


def _is_empty(case: Case) -> bool:
    """Whether it has no vessel, and so no scales of its own to compare."""
    return not any(case.sampling.vessel_voxels)


def check_same_cases(saved: CaseDescription, now: CaseDescription, root: Path) -> None:
    """Refuse to go on with other cases than a training began with, or with another preparation of them.

    Args:
        saved: what its checkpoint tells of its cases.
        now: the same of the cases there are; what an older checkpoint does not tell is not compared.
        root: the training's folder.

    Raises:
        ValueError: the line names what differs.
    """
    if saved.get("cases") and (different := [*_moved(saved["cases"], now["cases"])]):
        raise ValueError(
            f"{root}: cannot resume with other cases ({_listed(different)}); give the splits it began with "
            "(run.json has them), or choose another --output"
        )
    different = differences(_whole(saved["preprocessing"]), _whole(now["preprocessing"]))
    different += differences(saved["network"], now["network"])
    if saved.get("identities"):
        different += identity_differences(saved["identities"], now["identities"])
    else:
        different += differences(saved.get("prepared"), now["prepared"])
    if different:
        raise ValueError(
            f"{root}: cannot resume on cases that were prepared otherwise ({_listed(different)}); "
            "give the cases it began with, or choose another --output"
        )


def check_as_prepared(store: Path, case_ids: Sequence[str]) -> None:
    """Refuse cases whose records were changed since preparation wrote them, by hand or by a failing disk.

    Raises ValueError that names the first one.
    """
    for case_id in case_ids:
        if read_case(store, case_id).known.altered:
            raise ValueError(f"{store / case_id}: {ALTERED}; {REMEDY}")


def identity_differences(before: Identities, now: Identities) -> list[str]:
    """What differs in the cases that both know, a short text each."""
    return [
        f"{case_id}: {text}"
        for case_id in now
        if case_id in before
        for text in _identity_difference(before[case_id], now[case_id])
    ]


def _identity_difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in ("shape", "spacing_mm", "thresholds_mm", "settings"):
        if before.get(key) != now.get(key):
            yield "its settings are others" if key == "settings" else f"{key} was {before.get(key)}, now {now.get(key)}"
    # Stores of an earlier version tell of neither.
    if before.get("channels", now["channels"]) != now["channels"]:
        yield f"channels were {', '.join(before['channels'])}, now {', '.join(now['channels'])}"
    if before.get("classes", now["classes"]) != now["classes"]:
        yield "its classes are others"
    arrays = before.get("arrays", {})
    for name, digest in now["arrays"].items():
        # Stores of an earlier version have no digests.
        if None not in (digest, arrays.get(name)) and digest != arrays[name]:
            yield f"{name}.npy is another"


def _moved(before: FoldCases, now: FoldCases) -> Iterator[str]:
    for case in sorted({case for parts in (before, now) for side in _SIDES for case in parts[side]}):
        was, its = ({side for side in _SIDES if case in parts[side]} for parts in (before, now))
        if was != its:
            yield f"{case} {_words(was)}, now {_words(its)}"


def _words(sides: set[Side]) -> str:
    return " and ".join(word for side, word in _SIDES.items() if side in sides) or "not used"


def _whole(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with what an earlier version had no name for."""
    return PreprocessingSettings.model_validate(settings).model_dump(mode="json")


def _listed(texts: Sequence[str]) -> str:
    return "; ".join(texts[:_SHOWN]) + (f"; {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")
