"""Arrays of whatever holds numbers, tensors among it, without importing their library."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(numbers: Any) -> NDArray[Any]:
    """A tensor of any device and type, with a gradient or without, or whatever NumPy reads, as an array."""
    if hasattr(numbers, "detach"):
        numbers = numbers.detach().cpu()
        # NumPy has no such type.
        numbers = numbers.float() if "bfloat16" in str(numbers.dtype) else numbers
        numbers = numbers.numpy()
    return np.asarray(numbers)
