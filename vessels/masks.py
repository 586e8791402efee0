"""What is asked of every mask first: that it is one, and not probabilities or a label map."""

from typing import Any

import numpy as np


def check_boolean(mask: Any, name: str) -> None:
    """Refuse anything but a boolean array.

    Probabilities and label maps are refused, not thresholded: which threshold, which label, is the caller's choice.

    Raises:
        ValueError: that begins with `name`, and says what it is and what to do.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        is_array = isinstance(mask, np.ndarray)
        came = f"dtype {mask.dtype}" if is_array else type(mask).__name__
        remedy = (
            "compare first, as in labels > 0" if is_array else "make one of it with numpy.asarray(mask, dtype=bool)"
        )
        raise ValueError(f"{name}: expected a boolean array, got {came}; {remedy}")


def check_volume(mask: Any, name: str) -> None:
    """Refuse anything but a boolean array of one volume, 2D or 3D; raises as `check_boolean`."""
    check_boolean(mask, name)
    if mask.ndim not in (2, 3):
        raise ValueError(f"{name}: expected 2 or 3 dimensions, got shape {mask.shape}; take one volume at a time")
