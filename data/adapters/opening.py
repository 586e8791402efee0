"""The adapter of the data set that the settings name."""

from __future__ import annotations

from pathlib import Path

from ramify.data.adapters.base import Adapter, Reading
from ramify.data.adapters.patient_names import NamedPatients
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.adapters.table import DATA_SETS

_BY_NAME = {data_set.name: data_set for data_set in DATA_SETS}


def open_dataset(settings: DatasetSettings) -> Adapter:
    """The adapter of the data set that the settings name; raises ValueError where they do not suffice.

    What the root holds is looked at when the adapter is first asked for its cases.

    Examples:
        >>> from ramify.data import DatasetSettings, open_dataset
        >>> phantoms = open_dataset(DatasetSettings.model_validate({"phantom": {"cases": 2}}))
        >>> list(phantoms.case_ids())
        ['phantom_000', 'phantom_001']
    """
    data_set = _BY_NAME[settings.dataset]
    if settings.channels and not data_set.has_channels:
        chosen = " ".join(settings.channels)
        raise ValueError(f"--channels {chosen}: dataset {data_set.name} has one channel; leave it out")
    if settings.root is None and data_set.in_files:
        raise ValueError(f"dataset {data_set.name}: --root is missing; give the folder of the data set")

    reading = Reading(settings.root or Path(), settings.resample_masks, settings.channels, settings)
    adapter = data_set.open(reading, getattr(settings, data_set.name))
    return NamedPatients(adapter, settings.patient_pattern) if settings.patient_pattern else adapter
