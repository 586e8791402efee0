"""What a user chooses about each term of a loss. Nothing here loads torch: flags are read without it."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator


class BalanceSettings(BaseModel, frozen=True, extra="forbid"):
    """What counts alike in a term's recall."""

    balance: Literal["none", "scales"] = "none"
    """none: every voxel of the truth; scales: every scale that is there, small vessels as much as large ones."""


class ComplementSettings(BaseModel, frozen=True, extra="forbid"):
    """Settings with a `complement`."""

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, given: Any) -> Any:
        if isinstance(given, dict) and "include_background" in given:
            raise ValueError("include_background: it is called complement now, as it is of no channel; write that")
        return given


class DiceSettings(BalanceSettings, frozen=True, extra="forbid"):
    """Soft Dice."""

    over_batch: bool = False
    """Overlap over the whole batch, steadier where scales are often absent; otherwise of each sample, averaged."""
    epsilon: float = Field(default=1e-5, gt=0.0, le=1e3)
    """Added to numerator and denominator, in voxels. 1 and more also damps the score of the smallest targets."""


class TverskySettings(BaseModel, frozen=True, extra="forbid"):
    """Tversky; the defaults are those Salehi et al. 2017 found best for small targets."""

    alpha: float = Field(default=0.3, ge=0.0, le=1e3)
    """Weight of false alarms; 0.5 with a beta of 0.5 is Dice."""
    beta: float = Field(default=0.7, ge=0.0, le=1e3)
    """Weight of misses: above alpha for recall, below it for precision."""
    gamma: float = Field(default=1.0, gt=0.0, le=100.0)
    """Focus: the loss is taken to the power 1 / gamma. 1 is none; Abraham and Khan 2019 found 4/3 best of 1 … 3."""
    over_batch: bool = False
    """Index over the whole batch, steadier where scales are often absent; otherwise of each sample, averaged."""
    epsilon: float = Field(default=1e-5, gt=0.0, le=1e3)
    """Added to numerator and denominator, in voxels, as in Dice."""

    @model_validator(mode="after")
    def _something_counts(self) -> "TverskySettings":
        check_weights(self.alpha, self.beta, self.gamma)
        return self


def check_weights(alpha: float, beta: float, gamma: float) -> None:
    if not (min(alpha, beta) >= 0.0 and 0.0 < alpha + beta < math.inf):
        raise ValueError(f"alpha, beta: expected two numbers of at least 0, one of them above, got {alpha} and {beta}")
    if not 0.0 < gamma < math.inf:
        raise ValueError(f"gamma: expected a number above 0, got {gamma}; 1 is no focus")


Variant = Literal["cvpr", "workshop"]


class SoftClDiceSettings(BalanceSettings, ComplementSettings, frozen=True, extra="forbid"):
    """Soft-clDice."""

    iterations: int = Field(default=10, ge=1, le=1000)
    """Rounds of the soft skeleton: at least the radius of the widest vessel in voxels. More only take time."""
    smooth: float = Field(default=1.0, gt=0.0, le=1e3)
    """Added to numerator and denominator of both ratios, in voxels."""
    variant: Variant = "cvpr"
    """Of the soft skeleton: cvpr, or workshop, whose skeleton of a mask is empty for a radius of 1 and more."""
    complement: bool = False
    """Average with the same loss of each channel's complement, as the theory of the paper has it; twice the cost."""
    over_batch: bool = False
    """Ratios over the whole batch, steadier where targets are often empty; otherwise of each sample, averaged."""


class DiceSoftClDiceSettings(SoftClDiceSettings, frozen=True, extra="forbid"):
    """Soft Dice and soft-clDice together."""

    alpha: float = Field(default=0.5, ge=0.0, le=0.5)
    """Share of soft-clDice; the rest is soft Dice. The workshop paper has 0.5; which is best depends on the data."""


SimplePointRule = Literal["boolean", "euler"]


class TopoClDiceSettings(BaseModel, frozen=True, extra="forbid"):
    """Topo-clDice."""

    iterations: int = Field(default=10, ge=1, le=1000)
    """Rounds of thinning. As many as the largest vessel's radius in voxels: more only weaken the gradient."""
    smooth: float = Field(default=1.0, gt=0.0, le=1e3)
    """Added to numerator and denominator of both ratios, in voxels."""
    temperature: float = Field(default=1.0, gt=0.0, le=1e3)
    """Of the straight-through estimate that a sample's gradient is taken from."""
    noise_scale: float = Field(default=0.33, ge=0.0, le=1e3)
    """Of the logistic noise added to the logits before they are made 0 or 1."""
    simple_points: SimplePointRule = "boolean"
    """What may be deleted: boolean keeps the topology, euler only the Euler characteristic."""
    over_batch: bool = False
    """Ratios over the whole batch, steadier where targets are often empty; otherwise of each sample, averaged."""


class SkeletonRecallSettings(BalanceSettings, frozen=True, extra="forbid"):
    """Skeleton Recall."""

    over_batch: bool = True
    """Recall over the whole batch, as published; otherwise of each sample that has the class, averaged."""


Inverse = Literal["reciprocal", "linear"]


class CbDiceSettings(BaseModel, frozen=True, extra="forbid"):
    """Centreline boundary Dice."""

    iterations: int = Field(default=10, ge=1, le=1000)
    """Rounds of erosion of the skeleton: at least the largest radius in voxels, or thick vessels have no skeleton."""
    inverse: Inverse = "reciprocal"
    """How thin vessels gain weight. reciprocal: 1 / radius, as in the paper; linear: as in its code since Oct 2024."""
    smooth: float = Field(default=1.0, gt=0.0, le=1e3)
    """Added to numerators and denominators."""
    over_batch: bool = False
    """Overlap over the whole batch, as published; otherwise of each sample, averaged."""


class BoundarySettings(BaseModel, frozen=True, extra="forbid"):
    """Boundary loss."""

    normalise: bool = True
    """Divide by the sum of all distances, so that patch and voxel size do not change its scale; otherwise the mean over
    voxels, in mm, as published."""


class GeneralisedDiceSettings(ComplementSettings, frozen=True, extra="forbid"):
    """Generalised Dice."""

    complement: bool = True
    """Count what is in no class as a class of its own, as published; without it, one class alone is squared away."""
    over_batch: bool = False
    """Weights and overlap over the whole batch, steadier where classes are often absent; otherwise of each sample."""
    epsilon: float = Field(default=1e-5, gt=0.0, le=1e3)
    """Added to numerator and denominator, in voxels of the rarest class."""


class CentrelineCrossEntropySettings(BaseModel, frozen=True, extra="forbid"):
    """Centreline cross-entropy."""

    iterations: int = Field(default=10, ge=1, le=1000)
    """Rounds of the soft skeleton: at least the radius of the widest vessel in voxels. More only take time."""


class PersistentHomologySettings(BaseModel, frozen=True, extra="forbid"):
    """Persistent-homology loss; needs gudhi."""

    patch_size: int = Field(default=32, ge=2)
    """Side of the windows, in voxels, that the volume is cut into. Time grows faster than a window's voxels."""
    dimensions: tuple[Annotated[int, Field(ge=0, le=2)], ...] = Field(default=(0, 1), min_length=1)
    """Of the features: 0 components, 1 loops (in 3D tunnels), 2 cavities (3D only)."""

    @field_validator("dimensions")
    @classmethod
    def _once_each(cls, dimensions: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(dimensions)) < len(dimensions):
            raise ValueError(f"expected each dimension once, got {dimensions}")
        return dimensions


class WarpingSettings(BaseModel, frozen=True, extra="forbid"):
    """Homotopy warping."""

    normalise: bool = True
    """Mean over the critical voxels, so that one of them pulls as hard as many; otherwise over all voxels."""


Connectivity = Literal["full", "faces"]


class BettiMatchingSettings(BaseModel, frozen=True, extra="forbid"):
    """Betti matching."""

    pieces: bool = True
    """Match connected components."""
    holes: bool = True
    """Match holes; in 3D cavities. Tunnels of 3D are not matched."""
    connectivity: Connectivity = "full"
    """Of the foreground: full, over corners too, as everywhere else here; faces, as in the authors' code."""
    empty_images: bool = False
    """Match too where the feature's image in the comparison is empty, as the authors' code does."""
    unmatched_weight: float = Field(default=1.0, ge=0.0, le=1e3)
    """Weight of the prediction's features without a partner, beside those with one."""
    least_persistence: float = Field(default=0.0, ge=0.0, lt=1.0)
    """The prediction's features without a partner that last no longer than this cost nothing, as noise."""

    @model_validator(mode="after")
    def _something_counts(self) -> "BettiMatchingSettings":
        check_features(self.pieces, self.holes)
        return self


def check_features(pieces: bool, holes: bool) -> None:
    if not (pieces or holes):
        raise ValueError("pieces, holes: expected one of them at least, got neither")


Aggregation = Literal["mean", "rms", "sum", "max", "min", "cross_entropy"]


class TopographSettings(BaseModel, frozen=True, extra="forbid"):
    """Topograph."""

    aggregation: Aggregation = "mean"
    """What a critical region costs: the mean (or rms, sum, max, min) of the probability of what was wrongly predicted
    there, or the mean cross-entropy."""
    threshold_spread: float = Field(default=0.0, ge=0.0, lt=0.5)
    """The threshold of the prediction is drawn for each sample from 1/2 - spread … 1/2 + spread."""


class PerceptualSettings(BaseModel, frozen=True, extra="forbid"):
    """Perceptual loss; needs a file of weights."""

    weights: Path | None = None
    """VGG-19's weights, a state dict as torchvision names it (features.0.weight …); nothing is downloaded."""


TERM_SETTINGS: dict[str, type[BaseModel] | None] = {
    "dice": DiceSettings,
    "cross_entropy": None,
    "tversky": TverskySettings,
    "soft_cldice": SoftClDiceSettings,
    "topo_cldice": TopoClDiceSettings,
    "skeleton_recall": SkeletonRecallSettings,
    "cbdice": CbDiceSettings,
    "boundary": BoundarySettings,
    "generalised_dice": GeneralisedDiceSettings,
    "centreline_cross_entropy": CentrelineCrossEntropySettings,
    "persistent_homology": PersistentHomologySettings,
    "warping": WarpingSettings,
    "betti_matching": BettiMatchingSettings,
    "topograph": TopographSettings,
    "perceptual": PerceptualSettings,
}
"""Every term by name, and what a user chooses about it: the section of its name in the loss settings. What it computes
stands under the same name in `losses/terms.py`."""
