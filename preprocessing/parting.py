"""Whether cases can be parted into the folds that are asked for: known before they are prepared."""

from collections.abc import Iterable
from pathlib import Path

from ramify.data.adapters.patient_names import patient_in
from ramify.data.folds import SPLITS_FILE, Fold, FoldSettings, make_folds
from ramify.disk.json_files import read_json


def check_can_be_parted(
    store: Path | None,
    case_ids: Iterable[str],
    pattern: str,
    folds: FoldSettings,
    option: str = "--folds.folds {count}",
) -> None:
    """Refuse folds that cases cannot be parted into, before any is prepared, which may take hours.

    Args:
        store: where they go, if that is known; splits that it has are obeyed, and other ones are refused where they are
            asked for.
        case_ids: all cases that are to be parted.
        pattern: by which a case's id tells its patient; empty: each case is a patient.
        folds: what is asked for; where it is the default, nothing is.
        option: as for `make_folds`.

    Raises ValueError as `make_folds`, and for splits that are there and others than those asked for. A single patient
    is not parted, which is no error.

    Examples:
        >>> from pathlib import Path
        >>> from ramify.data import FoldSettings
        >>> from ramify.preprocessing.parting import check_can_be_parted
        >>> check_can_be_parted(Path("nowhere"), ["a_1", "a_2", "b_1"], "(.)_", FoldSettings(folds=2))
    """
    try:
        patient_of = {case_id: patient_in(pattern, case_id) for case_id in case_ids}
    except ValueError:
        return  # Preparing the case says so, and the others go on.
    path = store / SPLITS_FILE if store is not None else None
    if path is not None and path.exists():
        _check_are_those(path, patient_of, folds)
    elif len(set(patient_of.values())) > 1:
        make_folds(patient_of, folds.folds, folds.seed, option, folds.test)


def _check_are_those(path: Path, patient_of: dict[str, str], folds: FoldSettings) -> None:
    """Raise ValueError where splits that are there are not those that are asked for by other settings than the
    default."""
    usual = FoldSettings()
    asked = {name: value for name, value in folds if value != getattr(usual, name)}
    splits = read_json(path)
    if not asked or not isinstance(splits, list) or not all(isinstance(fold, dict) for fold in splits):
        return  # What is no list of folds is told when it is read.
    flags = " ".join(f"--folds.{name} {value}" for name, value in asked.items())
    if "folds" in asked and len(splits) != folds.folds:
        what = f"has {len(splits)} folds"
    elif asked.keys() != {"folds"} and not _made_so(splits, patient_of, folds):
        what = "parts the cases otherwise"
    else:
        return
    raise ValueError(
        f"{path}: {what}, and {flags} is asked for; remove the file to part the cases anew, or leave the flag out to "
        "keep it"
    )


def _made_so(splits: list[Fold], patient_of: dict[str, str], folds: FoldSettings) -> bool:
    """Whether the settings make these splits of the cases that are in them; cases may have come since."""
    named = {case for fold in splits for side in fold.values() for case in side}
    known = {case: patient_of.get(case, case) for case in named}
    try:
        return make_folds(known, len(splits), folds.seed, test=folds.test) == [
            {side: sorted(cases) for side, cases in fold.items()} for fold in splits
        ]
    except ValueError:
        return False
