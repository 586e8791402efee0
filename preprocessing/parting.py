"""Whether cases can be parted into the folds that are asked for: known before they are prepared."""

from collections.abc import Iterable
from pathlib import Path

from ramify.data.adapters.patient_names import patient_in
from ramify.data.folds import SPLITS_FILE, FoldSettings, make_folds


def check_can_be_parted(store: Path, case_ids: Iterable[str], pattern: str, folds: FoldSettings) -> None:
    """Refuse folds that cases cannot be parted into, before any is prepared, which may take hours.

    Args:
        store: where they go; splits that it has are obeyed, whatever is asked for.
        case_ids: all cases that are to be parted.
        pattern: by which a case's id tells its patient; empty: each case is a patient.
        folds: what is asked for.

    Raises ValueError as `make_folds`. A single patient is not parted, which is no error.

    Examples:
        >>> from pathlib import Path
        >>> from ramify.data import FoldSettings
        >>> from ramify.preprocessing.parting import check_can_be_parted
        >>> check_can_be_parted(Path("nowhere"), ["a_1", "a_2", "b_1"], "(.)_", FoldSettings(folds=2))
    """
    if (store / SPLITS_FILE).exists():
        return
    try:
        patient_of = {case_id: patient_in(pattern, case_id) for case_id in case_ids}
    except ValueError:
        return  # Preparing the case says so, and the others go on.
    if len(set(patient_of.values())) > 1:
        make_folds(patient_of, folds.folds, folds.seed, "--folds.folds", folds.test)
