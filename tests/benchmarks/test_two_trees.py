"""The halves of a liver that a network of two trees is taught by and tried on."""

import numpy as np

from benchmarks.two_trees import OF_PHANTOMS, TRAINED, TRIED, halves, write_pair
from ramify.data.adapters import DatasetSettings, open_dataset
from ramify.data.files import read_label_map, read_mask


def test_the_halves_are_a_liver_and_share_nothing(tmp_path):
    settings = {"phantom": {"cases": 1, "size": [24, 24, 24], "spacing_mm": [6, 6, 6]}, "classes": OF_PHANTOMS}
    liver = open_dataset(DatasetSettings.model_validate(settings)).load("phantom_000")
    assert liver.organ is not None
    assert liver.classes is not None
    parts = {part.case_id: part for part in halves(liver)}
    for part in parts.values():
        write_pair(tmp_path, part)
    masks = [read_mask(tmp_path / "organs" / f"{name}.nii.gz").array for name in (TRIED, TRAINED)]
    labels = [read_label_map(tmp_path / "labels" / f"{name}.nii.gz").array for name in (TRIED, TRAINED)]
    assert np.array_equal(masks[0] | masks[1], liver.organ.array)
    assert not (masks[0] & masks[1]).any()
    assert abs(int(masks[0].sum()) - int(masks[1].sum())) < 0.2 * liver.organ.array.sum()
    assert np.array_equal(labels[0] + labels[1], liver.classes.array * liver.organ.array)
