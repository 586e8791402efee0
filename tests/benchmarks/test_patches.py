"""A patch beside a plain loader's, and the scales that patches are centred on."""

from typing import Any

import numpy as np
import pytest

from benchmarks import patches
from ramify.data.case_store import write_case
from ramify.data.loading import SampleKey


def test_both_tables_have_their_rows(capsys, numbers_of):
    patches.main(["--size", "tiny", "--rounds", "2", "--draws", "30"])
    times, centres = capsys.readouterr().out.strip().split("\n\n")
    assert times.splitlines()[0] == "a patch of 16 x 16 x 16 of 32 x 64 x 64 voxels"
    assert len(times.splitlines()) == 5
    title, _, voxels, *rows = centres.splitlines()
    assert title == "30 patches on vessels of 4 x 4 x 4 voxels, 1 cases"
    found = {row[:32].rstrip(): numbers_of(row[32:]) for row in (voxels, *rows)}
    for name in ("share of the vessel voxels", "by voxels: centred on it", "by scale: centred on it"):
        assert sum(found[name]) == pytest.approx(100, abs=0.2)
    for way in ("by voxels", "by scale"):
        assert (np.array(found[f"{way}: show it"]) >= np.array(found[f"{way}: centred on it"])).all()


@pytest.mark.parametrize("vessel", [(0, 5, 19), (7, 8, 9), (11, 0, 0)])
def test_the_plain_loader_cuts_what_ours_cuts(tmp_path, vessel):
    image = np.random.default_rng(0).normal(size=(12, 16, 20)).astype(np.float32)
    scales = np.zeros(image.shape, np.uint8)
    scales[vessel] = 1
    record: dict[str, Any] = {"shape": image.shape, "spacing_mm": [1.0] * 3, "scales": {"thresholds_mm": []}}
    write_case(tmp_path, "case", {"image": image[None], "scales": scales, "tubed_skeleton": scales}, record)
    cut, labels = patches.plain_patch(tmp_path / "case", (8, 9, 6), np.random.default_rng(0))
    ours = patches.samples_of(tmp_path, (8, 9, 6), 0)[SampleKey(0, 0, 0)]
    np.testing.assert_array_equal(ours.image[0].numpy(), cut)
    np.testing.assert_array_equal(ours.scale_map.numpy(), labels)
    assert labels[4, 4, 3] == 1
