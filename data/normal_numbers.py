"""Normal random numbers by Box and Muller (1958), faster than NumPy's and a function of the seed alone.

The uniform ones behind them are SplitMix64's (Steele et al. 2014), whose n-th number needs none of those before it: all
lanes of a processor compute them at once.
"""

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled

_PAIRS = 16384
"""Numbers that stay in the nearest cache."""
_STEP = 0x9E3779B97F4A7C15
_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (_STEP, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_30, _27, _31, _40, _16, _LOW_24 = (np.uint64(n) for n in (30, 27, 31, 40, 16, 0xFFFFFF))


def add_normal(values: NDArray[np.float32], sd: float, seed: int) -> None:
    """Add independent normal numbers of mean 0 and a standard deviation to contiguous values.

    They have 24 bits, and at most 5.9 standard deviations.
    """
    flat = values.reshape(-1)
    radius, angle, cosine = (np.empty(_PAIRS, dtype=np.float32) for _ in range(3))
    for start in range(0, flat.size, 2 * _PAIRS):
        part = flat[start : start + 2 * _PAIRS]
        pairs = -(-len(part) // 2)
        r, a, c = radius[:pairs], angle[:pairs], cosine[:pairs]
        _uniform(np.uint64((seed + start // 2 * _STEP) % 2**64), r, a)
        np.log(r, out=r)
        r *= np.float32(-2 * sd * sd)
        np.sqrt(r, out=r)
        np.cos(a, out=c)
        np.sin(a, out=a)
        c *= r
        a *= r
        part[:pairs] += c
        part[pairs:] += a[: len(part) - pairs]


@compiled(nogil=True)
def _uniform(state, above_zero, angle):  # type: ignore[no-untyped-def]
    """Uniform numbers in (0, 1) and in [0, 2 pi), two of each number of SplitMix64's."""
    for n in range(above_zero.size):
        mixed = state + np.uint64(n + 1) * _GOLDEN
        mixed = (mixed ^ (mixed >> _30)) * _FIRST
        mixed = (mixed ^ (mixed >> _27)) * _SECOND
        mixed = mixed ^ (mixed >> _31)
        above_zero[n] = (np.float32(np.int32(mixed >> _40)) + np.float32(0.5)) * np.float32(2.0**-24)
        angle[n] = np.float32(np.int32((mixed >> _16) & _LOW_24)) * np.float32(2 * np.pi * 2.0**-24)
