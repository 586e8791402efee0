"""Simple points: by their definition, with an independent labelling; the codes of tensors beside the words of numba."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.measure import euler_number

from ramify.losses.simple_points import CENTRE, SimplePoints
from ramify.losses.term_settings import SimplePointRule
from ramify.losses.thinning_kernel import euler_words, simple_words

PLACES = np.indices((3, 3, 3)).reshape(3, -1).T - 1
DISTANCES = np.abs(PLACES).sum(axis=1).reshape(3, 3, 3)
FACES, NEAREST_18 = DISTANCES == 1, (DISTANCES > 0) & (DISTANCES < 3)


def is_simple(block: np.ndarray) -> bool:
    """One foreground component among the 26, and among the 18 one background component beside the centre."""
    surroundings = block.copy()
    surroundings[1, 1, 1] = False
    background, _ = ndimage.label(~block & NEAREST_18)
    beside = np.unique(background[FACES & ~block])
    return ndimage.label(surroundings, np.ones((3, 3, 3)))[1] == 1 and len(beside) == 1


def keeps_euler(block: np.ndarray) -> bool:
    """The Euler characteristic of 26-connected foreground, with and without the centre."""
    without = block.copy()
    without[1, 1, 1] = False
    with_margin, without_margin = np.pad(block, 1), np.pad(without, 1)
    return euler_number(with_margin, connectivity=3) == euler_number(without_margin, connectivity=3)


def random_blocks(count: int) -> np.ndarray:
    """(count, 3, 3, 3) bool with a foreground centre, from nearly empty to nearly full."""
    generator = np.random.default_rng(0)
    blocks = generator.random((count, 3, 3, 3)) < np.linspace(0.05, 0.95, count)[:, None, None, None]
    blocks[:, 1, 1, 1] = True
    return blocks


def flat_blocks() -> np.ndarray:
    """All 256 neighbourhoods of a pixel, as slices between background: (256, 3, 3, 3) bool."""
    blocks = np.zeros((256, 27), bool)
    around = [place for place in range(9, 18) if place != CENTRE]
    blocks[:, around] = (np.arange(256)[:, None] >> np.arange(8)) & 1
    blocks[:, CENTRE] = True
    return blocks.reshape(-1, 3, 3, 3)


def by_codes(blocks: np.ndarray, rule: SimplePointRule) -> np.ndarray:
    codes = torch.from_numpy(blocks.reshape(-1, 27) @ (1 << np.arange(27))).to(torch.int32)
    return SimplePoints(rule, torch.device("cpu"))(codes).numpy()


def by_words(blocks: np.ndarray, decide) -> np.ndarray:
    found = []
    for start in range(0, len(blocks), 64):
        part = blocks[start : start + 64].reshape(-1, 27)
        near = (part.astype(np.uint64) << np.arange(len(part), dtype=np.uint64)[:, None]).sum(axis=0, dtype=np.uint64)
        word = int(decide(near))
        found += [bool(word >> bit & 1) for bit in range(len(part))]
    return np.array(found)


@pytest.mark.parametrize("blocks", [random_blocks(3000), flat_blocks()], ids=["3D", "2D, all"])
def test_boolean_characterisation_is_the_definition(blocks):
    expected = np.array([is_simple(block) for block in blocks])
    assert 0 < expected.sum() < len(blocks)
    np.testing.assert_array_equal(by_codes(blocks, "boolean"), expected)
    np.testing.assert_array_equal(by_words(blocks, simple_words), expected)


@pytest.mark.parametrize("blocks", [random_blocks(1500), flat_blocks()], ids=["3D", "2D, all"])
def test_euler_characterisation_is_the_euler_number(blocks):
    expected = np.array([keeps_euler(block) for block in blocks])
    np.testing.assert_array_equal(by_codes(blocks, "euler"), expected)
    np.testing.assert_array_equal(by_words(blocks, euler_words), expected)


def test_both_characterisations_agree_on_every_pixel():
    np.testing.assert_array_equal(by_codes(flat_blocks(), "euler"), by_codes(flat_blocks(), "boolean"))


def test_in_space_the_euler_characteristic_stays_at_every_simple_point_and_at_some_others():
    blocks = random_blocks(20000)
    simple, unchanged = by_codes(blocks, "boolean"), by_codes(blocks, "euler")
    assert not (simple & ~unchanged).any()
    assert (unchanged & ~simple).any()


def test_a_point_that_joins_two_components_and_closes_a_tunnel_keeps_the_euler_characteristic_and_is_not_simple():
    ring = np.zeros((3, 3, 3), bool)
    ring[0, :, :] = True
    ring[0, 1, 1] = False  # a ring around a hole, which the centre covers
    ring[1, 1, 1] = ring[2, 1, 1] = True  # and a voxel apart, which the centre joins to the ring
    assert by_codes(ring[None], "boolean").tolist() == [is_simple(ring)] == [False]
    assert by_codes(ring[None], "euler").tolist() == [keeps_euler(ring)] == [True]


def test_a_background_voxel_has_no_euler_characteristic_to_lose():
    block = np.ones((1, 3, 3, 3), bool)
    assert by_codes(block, "euler").tolist() == [False]
    block[0, 1, 1, 1] = False
    assert by_codes(block, "euler").tolist() == [True]


def test_many_codes_are_decided_as_few_are(monkeypatch):
    blocks = random_blocks(1000)
    whole = by_codes(blocks, "boolean")
    monkeypatch.setattr(SimplePoints, "CHUNK", 7)
    np.testing.assert_array_equal(by_codes(blocks, "boolean"), whole)
