"""A preparation as the data set asks for it: its fingerprint, and settings with what `--auto` chose."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ramify.data.case_store import list_cases, read_dataset, read_record
from ramify.disk.json_files import read_json, write_json
from ramify.planning.choices import Choice, applied, is_named
from ramify.planning.fingerprint import CaseFingerprint, Fingerprint
from ramify.planning.preparation import CHANNELS, CROP, INTENSITY, SIZE, SPACING, plan_preparation
from ramify.planning.voxel_size import voxel_sizes
from ramify.preprocessing.settings import PreprocessCommand, PreprocessingSettings

FINGERPRINT_FILE = "fingerprint.json"
"""In the store: the fingerprint, and what was chosen by it."""


def for_the_look(settings: PreprocessCommand, named: Collection[str]) -> PreprocessCommand:
    """What cases are looked at with before anything is chosen: whole and as they are, so that none is refused for want
    of an organ, or doubted for values outside a window that will not be theirs."""
    if not settings.auto:
        return settings
    plain = [Choice(CROP, "volume", "")] * (not is_named(CROP, named))
    if not is_named(INTENSITY, named) and not is_named(CHANNELS, named):
        plain.append(Choice(f"{INTENSITY}.method", "none", ""))
    return applied(settings, plain)


def planned(
    settings: PreprocessCommand, fingerprint: Fingerprint, named: Collection[str]
) -> tuple[PreprocessCommand, list[Choice]]:
    """The settings with what is chosen in them, and that; named: settings that stay."""
    choices = plan_preparation(fingerprint, named)
    return applied(settings, choices), choices


def as_begun(settings: PreprocessCommand, named: Collection[str]) -> tuple[PreprocessCommand, list[Choice]]:
    """The settings of a store that holds cases, in the place of those that would be chosen; and what these are.

    A case that comes later changes the fingerprint a little, and must not make all others anew.
    """
    try:
        before = PreprocessingSettings.model_validate(read_dataset(settings.store).get("preprocessing"))
    except ValidationError:
        return settings, []
    found: dict[str, Any] = {CROP: before.grid.crop, SPACING: before.grid.spacing_mm}
    if is_named(SIZE, named):
        del found[SPACING]
    if not is_named(CHANNELS, named):
        found |= {INTENSITY: before.intensity, CHANNELS: before.channels}
    choices = [Choice(key, value, "as the store was begun") for key, value in found.items() if not is_named(key, named)]
    return applied(settings, choices), [choice for choice in choices if choice.key in (CROP, SPACING)]


def fingerprint_of_store(store: Path) -> Fingerprint | None:
    """As `fingerprint_together` of all cases; None, too, where one was prepared before there were fingerprints."""
    found: dict[str, CaseFingerprint] = {}
    for case_id in list_cases(store):
        try:
            found[case_id] = CaseFingerprint.model_validate(read_record(store, case_id).get("fingerprint"))
        except ValidationError:
            return None
    return fingerprint_together(found)


def fingerprint_together(cases: Mapping[str, CaseFingerprint]) -> Fingerprint | None:
    """That of some cases; None where there are none, or some are planes and others volumes."""
    kinds = {len(case.shape) for case in cases.values()}
    return Fingerprint(cases=dict(cases)) if len(kinds) == 1 else None


def of_one_kind(fingerprint: Fingerprint | None) -> Fingerprint:
    """The fingerprint that `auto` needs; raises ValueError where there is none, of planes and volumes together."""
    if fingerprint is None:
        raise ValueError(
            "--auto: some cases are planes and others volumes, and each kind asks for settings of its own; keep them "
            "in two data sets, or leave --auto out"
        )
    return fingerprint


def write_fingerprint(store: Path, fingerprint: Fingerprint, choices: Iterable[Choice] | None = None) -> None:
    """Write fingerprint.json; choices: what was chosen by it, None keeps what stands there."""
    path = store / FINGERPRINT_FILE
    chosen = _chosen_before(path) if choices is None else [choice._asdict() for choice in choices]
    sizes = [size._asdict() for size in voxel_sizes(fingerprint)]
    write_json(path, {**fingerprint.as_json(), "voxel_sizes": sizes, "chosen": chosen})


def _chosen_before(path: Path) -> list[Mapping[str, Any]]:
    try:
        return list(read_json(path)["chosen"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
