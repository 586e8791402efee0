"""The data set that prepared cases were made from, opened again as it was read."""

from pathlib import Path

from ramify.data.adapters.settings import DatasetSettings
from ramify.data.case_store import list_cases, read_dataset
from ramify.preprocessing.freshness import root_of


def data_set_of(store: Path) -> DatasetSettings:
    """Which data set a store's cases were made from, where it lay, and how it was read.

    Folders of organ masks outside of the data set are not kept in a store, and are not among them.

    Raises:
        FileNotFoundError: the data set is not there any more.
        ValueError: the store does not say.
    """
    kept = read_dataset(store)
    shaping = {key: its for key, its in kept.items() if key != "preprocessing"}
    # What `PreprocessCommand.what_shapes_a_case` wrote as pairs.
    shaping |= {key: dict(shaping[key]) for key in ("classes", "regions") if key in shaping}
    roots = dict.fromkeys(root_of(store, case_id) for case_id in list_cases(store))
    root = next((root for root in roots if root is not None), None)
    if root is not None and not Path(root).exists():
        raise FileNotFoundError(
            f"{root}: the data set of {store} is not there any more; tell where it is by the preprocess.py that made "
            "the cases, with --root"
        )
    return DatasetSettings.model_validate({**shaping, "root": root})
