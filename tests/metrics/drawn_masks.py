"""Masks drawn as text, and random ones, for the tests of this room."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ramify.metrics.masks import Mask


def drawn(picture: str) -> Mask:
    """A 2D mask from lines of '#' and '.'."""
    rows = [line.strip() for line in picture.strip().splitlines()]
    return np.array([[character == "#" for character in row] for row in rows])


def random_mask(seed: int, shape: tuple[int, ...], share: float) -> Mask:
    generator = np.random.default_rng(seed)
    return generator.random(shape) < share


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[Mask, Mask]:
    """Two masks of one small 2D or 3D shape, from empty to full."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=3)))
    shares = st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0])
    return tuple(random_mask(draw(st.integers(0, 2**16)), shape, draw(shares)) for _ in range(2))  # type: ignore[return-value]


def moved(mask: Mask) -> list[Mask]:
    """The mask flipped along every axis, and with its axes turned around."""
    flips: list[Mask] = [np.flip(mask, axis) for axis in range(mask.ndim)]
    return [*flips, np.ascontiguousarray(mask.transpose())]


def centres_mm(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    return np.argwhere(mask) * np.asarray(spacing_mm)
