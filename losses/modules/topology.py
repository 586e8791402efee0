"""Modules of the losses that look at the prediction's topology, or at all of its boundary."""

from pathlib import Path
from typing import Unpack

from torch import Tensor

from ramify.losses.betti_matching import betti_matching_loss
from ramify.losses.boundary import boundary_loss
from ramify.losses.modules.base import SegmentationLoss, Shared
from ramify.losses.modules.batch import Batch
from ramify.losses.perceptual import perceptual_loss
from ramify.losses.persistent_homology import persistent_homology_loss
from ramify.losses.term_settings import (
    Aggregation,
    BettiMatchingSettings,
    BoundarySettings,
    Connectivity,
    PerceptualSettings,
    PersistentHomologySettings,
    TopographSettings,
    WarpingSettings,
)
from ramify.losses.topograph import topograph_loss
from ramify.losses.warping import warping_loss


class Boundary(SegmentationLoss):
    """Boundary loss (Kervadec et al. 2019): `boundary_loss` as a module; it looks at `spacing_mm`. To be added.

    Distances are computed by SciPy on the CPU at each call.

    Args:
        weight: factor of the value; low, the authors start at 0.01 beside Dice.
        normalise: divide by the sum of all distances; otherwise the mean over voxels, in mm, as published.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import Boundary
        >>> target = torch.tensor([[[[0, 1, 1, 0]]]])
        >>> Boundary(activation=None)(target.float(), target, spacing_mm=0.5).item()
        -0.5
    """

    settings = BoundarySettings

    def __init__(self, weight: float = 1.0, *, normalise: bool = True, **shared: Unpack[Shared]) -> None:
        super().__init__(weight, normalise=normalise, **shared)

    def loss(self, batch: Batch) -> Tensor:
        return boundary_loss(
            batch.probabilities, batch.target, spacing_mm=batch.spacing_mm, mask=batch.mask, **self.own
        )


class Warping(SegmentationLoss):
    """Homotopy warping (Hu 2022): `warping_loss` as a module. To be added to a loss of all voxels.

    Args:
        weight: factor of the value.
        normalise: mean over the critical voxels; otherwise over all.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import Warping
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.25
        >>> round(Warping(activation=None)(gap, target).item(), 3)  # -log 0.25, in the gap alone
        1.386
    """

    settings = WarpingSettings
    function = warping_loss

    def __init__(self, weight: float = 1.0, *, normalise: bool = True, **shared: Unpack[Shared]) -> None:
        super().__init__(weight, normalise=normalise, **shared)


class Topograph(SegmentationLoss):
    """Topograph (Lux et al. 2025): `topograph_loss` as a module. To be added to a loss of all voxels.

    Args:
        weight: factor of the value; low, the value is a sum over regions.
        aggregation: what a critical region costs, see `topograph_loss`.
        threshold_spread: the threshold is drawn from 1/2 -+ it, by PyTorch's generator.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import Topograph
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.25
        >>> Topograph(activation=None)(gap, target).item()  # 1 - 0.25, in the gap
        0.75
    """

    settings = TopographSettings
    function = topograph_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        aggregation: Aggregation = "mean",
        threshold_spread: float = 0.0,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(weight, aggregation=aggregation, threshold_spread=threshold_spread, **shared)


class BettiMatching(SegmentationLoss):
    """Betti matching (Stucki et al. 2023): `betti_matching_loss` as a module. In 3D it matches no tunnels.

    Args:
        weight: factor of the value; low, the value is a sum over features.
        pieces, holes, connectivity, empty_images, unmatched_weight, least_persistence: see `betti_matching_loss`.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import BettiMatching
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:4] = 1.0
        >>> probabilities = target.clone()
        >>> probabilities[..., 2, 7] = 0.5  # a false piece, half sure
        >>> BettiMatching(activation=None)(probabilities, target).item()  # 0.5²
        0.25
    """

    settings = BettiMatchingSettings
    function = betti_matching_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        pieces: bool = True,
        holes: bool = True,
        connectivity: Connectivity = "full",
        empty_images: bool = False,
        unmatched_weight: float = 1.0,
        least_persistence: float = 0.0,
        **shared: Unpack[Shared],
    ) -> None:
        kinds = {"pieces": pieces, "holes": holes, "connectivity": connectivity, "empty_images": empty_images}
        super().__init__(
            weight, **kinds, unmatched_weight=unmatched_weight, least_persistence=least_persistence, **shared
        )


class PersistentHomology(SegmentationLoss):
    """Persistent homology (Hu et al. 2019): `persistent_homology_loss` as a module; needs gudhi.

    Args:
        weight: factor of the value.
        patch_size: side of the windows, in voxels.
        dimensions: of the features: 0 components, 1 loops (in 3D tunnels), 2 cavities.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import PersistentHomology
        >>> target = torch.zeros(1, 1, 8, 8)
        >>> target[..., 1:3, 1:3] = 1.0
        >>> probabilities = target.clone()
        >>> probabilities[..., 5, 5] = 0.5  # a second component, half sure
        >>> PersistentHomology(activation=None, dimensions=(0,))(probabilities, target).item()  # 0.5² / 2
        0.125
    """

    settings = PersistentHomologySettings
    function = persistent_homology_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        patch_size: int = 32,
        dimensions: tuple[int, ...] = (0, 1),
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(weight, patch_size=patch_size, dimensions=dimensions, **shared)


class Perceptual(SegmentationLoss):
    """Perceptual loss (Mosinska et al. 2018): `perceptual_loss` as a module; 2D alone.

    Args:
        weights: a file with the state dict of VGG-19, as torchvision saves it; nothing is downloaded.
        weight: factor of the value; 0.1 in the paper, beside cross-entropy.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import Perceptual
        >>> Perceptual("vgg19.pt", activation="sigmoid").own
        {'weights': PosixPath('vgg19.pt')}
    """

    settings = PerceptualSettings
    function = perceptual_loss

    def __init__(self, weights: Path | str, weight: float = 1.0, **shared: Unpack[Shared]) -> None:
        super().__init__(weight, weights=weights, **shared)
