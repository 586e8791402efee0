"""The truth on coarser grids: each mask by itself, and one label where scales exclude one another."""

import numpy as np
import pytest
import torch

from ramify.losses.truth import Truth
from ramify.tasks.members import ANY_VESSEL, of_scale


def any_of_blocks(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Where a block of a mask (B, *S) holds anything, by a loop."""
    found = np.zeros((len(mask), *size), bool)
    block = [n // m for n, m in zip(mask.shape[1:], size, strict=True)]
    for place in np.ndindex(*found.shape):
        within = tuple(slice(i * n, (i + 1) * n) for i, n in zip(place[1:], block, strict=True))
        found[place] = mask[(place[0], *within)].any()
    return found


GRIDS = [((4, 4), (2, 2)), ((4, 6), (4, 2)), ((4, 6), (1, 1)), ((4, 4, 8), (2, 1, 4)), ((1, 2, 3), (1, 2, 3))]


@pytest.mark.parametrize(("shape", "size"), GRIDS)
@pytest.mark.parametrize("n_scales", [1, 3, 5])
@pytest.mark.parametrize("filled", [0.0, 0.3, 1.0])
def test_every_mask_is_coarsened_by_itself(shape, size, n_scales, filled):
    random = np.random.default_rng(0)
    labels = np.where(random.random((2, *shape)) < filled, random.integers(1, n_scales + 1, (2, *shape)), 0)
    tube = (labels > 0) & (random.random((2, *shape)) < 0.5)
    coarse = Truth(torch.from_numpy(labels), torch.from_numpy(tube)).coarser(size)
    for scales in [ANY_VESSEL, *(of_scale(s) for s in range(1, 1 + n_scales))]:
        own = scales.mask_in(labels, None)
        assert np.array_equal(coarse.mask(scales), any_of_blocks(own, size))
        its_tube = coarse.tube(scales)
        assert its_tube is not None
        assert np.array_equal(its_tube, any_of_blocks(own & tube, size))


@pytest.mark.parametrize(
    ("block", "label"),
    [
        ([0, 0, 0, 0], 0),
        ([0, 0, 0, 1], 1),
        ([3, 0, 0, 1], 1),  # as many of both: the smaller scale
        ([3, 3, 0, 1], 3),
        ([2, 1, 1, 3], 1),
        ([2, 2, 3, 3], 2),
        ([4, 0, 0, 0], 4),
    ],
)
def test_exclusive_scales_share_a_block_by_their_voxels(block, label):
    fine = torch.tensor(block).view(1, 2, 2)
    assert Truth(fine).coarser((1, 1)).exclusive_labels("scales", 4).tolist() == [[[label]]]
    assert Truth(fine).coarser((2, 2)).exclusive_labels("scales", 4).tolist() == fine.tolist()
    volume = Truth(torch.stack([fine, fine], dim=3)).coarser((1, 1, 2))
    assert volume.exclusive_labels("scales", 4).tolist() == [[[[label] * 2]]]


def test_a_coarser_truth_has_larger_voxels_and_grids_that_divide():
    labels = torch.zeros(1, 4, 6, dtype=torch.long)
    coarse = Truth(labels, None, torch.tensor([[2.0, 1.0]])).coarser((2, 2))
    assert coarse.spacing_mm is not None
    assert coarse.spacing_mm.tolist() == [[4.0, 3.0]]
    assert coarse.tube(of_scale(1)) is None
    assert Truth(labels).coarser((2, 2)).spacing_mm is None
    for size in [(3, 2), (2,), (2, 2, 2), (0, 2)]:
        with pytest.raises(ValueError, match=r"size: expected divisors of \(4, 6\), got \("):
            Truth(labels).coarser(size)
