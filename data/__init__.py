"""What a case is: volumes, files in and out, data sets, the store of prepared cases, folds, augmentation, loading."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.data.adapters.opening import open_dataset
    from ramify.data.adapters.settings import DatasetSettings
    from ramify.data.augmentation import apply_augmentation, draw_augmentation
    from ramify.data.augmentations.drawn import Augmentation
    from ramify.data.augmentations.settings import AugmentationSettings
    from ramify.data.case_store import Case, check_case, open_store, prepare_store, read_case, write_case
    from ramify.data.dicom import read_series
    from ramify.data.files import (
        read_channels,
        read_image_or_series,
        read_label_map,
        read_mask,
        read_volume,
        write_volume,
    )
    from ramify.data.folds import FoldSettings, load_fold, load_or_make_splits, make_folds, scored_cases
    from ramify.data.raw_case import RawCase
    from ramify.data.resample import resample_like, resample_mask_like
    from ramify.data.volume import Volume, check_same_geometry
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "Augmentation",
    "AugmentationSettings",
    "Case",
    "DatasetSettings",
    "FoldSettings",
    "RawCase",
    "Volume",
    "apply_augmentation",
    "check_case",
    "check_same_geometry",
    "draw_augmentation",
    "load_fold",
    "load_or_make_splits",
    "make_folds",
    "open_dataset",
    "open_store",
    "prepare_store",
    "read_case",
    "read_channels",
    "read_image_or_series",
    "read_label_map",
    "read_mask",
    "read_series",
    "read_volume",
    "resample_like",
    "resample_mask_like",
    "scored_cases",
    "write_case",
    "write_volume",
]
