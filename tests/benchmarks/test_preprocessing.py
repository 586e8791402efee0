"""The scale decomposition beside a plain script: the table, and the script itself on vessels drawn by hand."""

import numpy as np
import pytest

from benchmarks import preprocessing
from benchmarks.liver_mask import make_mask
from benchmarks.plain_decomposition import cut_branches, decompose_plainly, local_radii_mm, nearest_branches
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales


def test_every_step_has_its_row(in_this_process, capsys, monkeypatch, numbers_of):
    in_this_process(preprocessing)
    monkeypatch.setenv("NUMPY_MADVISE_HUGEPAGE", "0")
    preprocessing.main(["--size", "tiny", "--repeats", "1"])
    _, title, _, *rows = capsys.readouterr().out.splitlines()
    assert title.startswith("tiny: 32 x 64 x 64 voxels, ")
    assert [row[:30].rstrip() for row in rows] == list(preprocessing.STEPS)
    found = np.array([numbers_of(row[30:]) for row in rows])
    assert found.shape == (4, 7)
    assert np.isfinite(found[:, [0, 1, 2, 6]]).all()
    # Thinning is scikit-image's, and brings back the ends that it eats.
    assert 99 < found[2, 6] <= 100
    assert (found[:, 6] > 20).all()


def test_a_tiny_mask_is_part_of_no_larger_one():
    mask = make_mask("tiny", 0)
    assert mask.shape == (32, 64, 64)
    assert 0 < mask.mean() < 0.1
    np.testing.assert_array_equal(mask, make_mask("tiny", 0))
    assert (mask != make_mask("tiny", 1)).any()


def three_bars() -> np.ndarray:
    """Bars of 3, 5 and 9 voxels' width, apart."""
    mask = np.zeros((15, 50, 40), dtype=bool)
    for start, width in ((3, 3), (14, 5), (30, 9)):
        mask[7 - width // 2 : 8 + width // 2, start : start + width, 4:36] = True
    return mask


def test_the_plain_script_tells_three_bars_apart_as_ours_does():
    mask = three_bars()
    plain = decompose_plainly(mask, (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(
        plain, decompose_scales(mask, (1.0, 1.0, 1.0), ScaleSettings(estimator="paper")).scale_map
    )
    assert [np.unique(plain[:, start : start + width][mask[:, start : start + width]]).tolist()
            for start, width in ((3, 3), (14, 5), (30, 9))] == [[1], [2], [3]]  # fmt: skip


def test_local_radii_by_hand():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[3:6, 3:6, 1:8] = True
    skeleton = np.zeros_like(mask)
    skeleton[4, 4, 4] = True
    radii = local_radii_mm(mask, skeleton, (2.0, 1.0, 1.0))
    assert np.count_nonzero(radii) == 1
    # Two wall voxels are 1 mm away, four √2 mm, and the seventh and the eighth a slice of 2 mm above and below.
    assert radii[4, 4, 4] == pytest.approx(2.0)


def test_a_junction_goes_to_the_thickest_branch():
    skeleton = np.zeros((3, 9, 9), dtype=bool)
    skeleton[1, 4, :] = True
    skeleton[1, 5:, 4] = True
    radii_mm = np.where(skeleton, 1.0, 0.0)
    radii_mm[1, 5:, 4] = 3.0
    branches, radii = cut_branches(skeleton, radii_mm)
    assert sorted(radii.tolist()) == [1.0, 1.0, 3.0]
    thickest = 1 + int(np.argmax(radii))
    # Each of the voxels around the fork goes to the branch that it touches; the one in the midst touches none.
    assert branches[1, 5, 4] == thickest
    assert branches[1, 4, 3] == branches[1, 4, 0] not in (0, thickest)
    assert branches[1, 4, 4] == 0


def test_the_nearest_branch_in_millimetres():
    branches = np.zeros((1, 1, 7), dtype=np.int32)
    branches[0, 0, 0], branches[0, 0, 6] = 1, 2
    mask = np.ones((1, 1, 7), dtype=bool)
    mask[0, 0, 3] = False
    assert nearest_branches(mask, branches, (1.0, 1.0, 1.0)).ravel().tolist() == [1, 1, 1, 0, 2, 2, 2]
