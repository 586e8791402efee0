"""Independent streams of random numbers from one seed, one for each purpose.

NumPy fills a short seed up with zeros: (seed, epoch) and (seed, epoch, 0) give the same numbers, so that what orders
the cases would also move the first of them. Here a purpose has a number of its own in front of the place, and the
place lies behind a seed of fixed length. Folds take the seed by itself (`data/folds.py`), phantoms have streams of
their own seed (`phantoms/ct_image.py`); neither is one of these.
"""

import zlib
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are drawn for. Numbers stay: another one would give other trainings."""

    ORDER = 1
    """Of the cases in an epoch: (epoch,)."""
    SAMPLE = 2
    """A sample's augmentation and place: (epoch, position)."""
    LOSS = 3
    """What a loss draws in a step: (epoch, step)."""
    TRIAL = 4
    """A study's trial: (number,)."""


def stream(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """The random numbers of a purpose at a place (an epoch, a step, ...); no two of them share their numbers."""
    return np.random.default_rng(_sequence(seed, purpose, place))


def derived_seed(seed: int, purpose: Purpose, *place: int) -> int:
    """A seed of 32 bits for another program's generator, instead of a stream."""
    return int(_sequence(seed, purpose, place).generate_state(1)[0])


def _sequence(seed: int, purpose: Purpose, place: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *place))


class Branches:
    """Further streams of a stream, one a name; what is drawn from them moves neither it nor one another."""

    def __init__(self, random: np.random.Generator) -> None:
        """random: the stream; its next numbers stay what they are, a second time it branches otherwise."""
        seeds = random.bit_generator.seed_seq
        assert isinstance(seeds, np.random.SeedSequence), "as of numpy.random.default_rng"
        (self._root,) = seeds.spawn(1)

    def stream(self, name: str) -> np.random.Generator:
        """The stream of a name, from its beginning."""
        key = (*self._root.spawn_key, zlib.crc32(name.encode()))
        return np.random.default_rng(np.random.SeedSequence(self._root.entropy, spawn_key=key))
