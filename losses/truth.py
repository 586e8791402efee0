"""What a batch's predictions are held against."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Truth:
    """The drawn truth of a batch."""

    labels: Tensor
    """Scale label map (B, *S) of integers, 0 background, 1 … S."""
    tubed_skeleton: Tensor | None = None
    """Bool (B, *S): the vessels' skeleton widened inside them, made ahead of training (Kirchhoff et al. 2024)."""
    spacing_mm: Tensor | None = None
    """Voxel size of each sample (B, ndim), z, y, x; 1 mm where it is not given."""
