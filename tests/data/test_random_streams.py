"""One seed, and no two purposes or places that share their numbers."""

import itertools

import numpy as np
import pytest

from ramify.data.augmentation import AUGMENTATIONS
from ramify.data.random_streams import Branches, Purpose, derived_seed, stream

PLACES = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0)]


def first_numbers(seed: int, purpose: Purpose, place: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(stream(seed, purpose, *place).integers(2**32, size=4).tolist())


def test_no_two_streams_begin_alike():
    """NumPy's default_rng((seed, 3)) and default_rng((seed, 3, 0)) are one stream."""
    seeds = (0, 1, 2**32, 2**32 + 1)
    drawn = [first_numbers(*key) for key in itertools.product(seeds, Purpose, PLACES)]
    drawn += [tuple(np.random.default_rng(seed).integers(2**32, size=4).tolist()) for seed in seeds]
    assert len(set(drawn)) == len(drawn)


def test_a_stream_is_the_same_each_time():
    assert first_numbers(3, Purpose.SAMPLE, (5, 7)) == first_numbers(3, Purpose.SAMPLE, (5, 7))
    assert derived_seed(3, Purpose.LOSS, 1, 2) == derived_seed(3, Purpose.LOSS, 1, 2)
    assert derived_seed(3, Purpose.LOSS, 1, 2) != derived_seed(3, Purpose.TRIAL, 1, 2)


@pytest.mark.parametrize("epoch", [0, 7])
def test_the_order_of_the_cases_says_nothing_of_their_samples(epoch):
    order = stream(0, Purpose.ORDER, epoch).random(3)
    sample = stream(0, Purpose.SAMPLE, epoch, 0).random(3)
    assert not set(order.tolist()) & set(sample.tolist())


def test_branches_are_streams_of_their_own():
    branched, alone = (stream(0, Purpose.SAMPLE, 1, 2) for _ in range(2))
    names = [kind.__name__ for kind in AUGMENTATIONS] + ["noise of voxels"]
    branches, later = Branches(branched), Branches(branched)
    drawn = [each.stream(name).random() for each in (branches, later) for name in names]
    others = [Branches(stream(0, Purpose.SAMPLE, 1, 3)).stream(name).random() for name in names]
    assert len({*drawn, *others, alone.random()}) == 3 * len(names) + 1
    assert branches.stream("noise").random() == branches.stream("noise").random()
    again = stream(0, Purpose.SAMPLE, 1, 2)
    assert Branches(again).stream("noise").random() == branches.stream("noise").random()
    assert branched.random() == stream(0, Purpose.SAMPLE, 1, 2).random(), "its own numbers stay"
