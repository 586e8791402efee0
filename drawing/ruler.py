"""The length of a ruler beside a picture."""

import math


def ruler_length(most: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `most` > 0, up to its last digits."""
    power = 10.0 ** math.floor(math.log10(most))
    # A logarithm is rounded: of a number barely below a power of ten it may give that power, which is then meant.
    return max((step * power for step in (1, 2, 5) if step * power <= most), default=power)
