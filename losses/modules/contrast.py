"""The contrast between scales as a module: of a network's projections against a map of scales."""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.checks import ROUNDING
from ramify.losses.modules.base import check_ignore_label, check_weight
from ramify.losses.modules.batch import TensorOrArray, known_voxels, tensor_of
from ramify.losses.precision import at_least_float32
from ramify.losses.scale_contrast import ScaleContrast
from ramify.losses.settings import LossSettings
from ramify.losses.value_checks import values_are_checked
from ramify.settings_errors import first_complaint


class Contrast(nn.Module):
    """Contrast between scales (Sadikine et al. 2023, Eq. 7 and 8): `contrastive_loss` of anchors, as a module.

    Args:
        n_scales: number of scales S of the map.
        weight: factor of the value, λ_c; 0.53 in the paper.
        head: "per_scale", a projection of each scale as in the paper, or "shared", one for all, whose minimum is no
            constant; docs/contrast.md tells them apart.
        temperature: τ > 0.
        hard_negatives: β ≥ 0, how much more the closest negatives count.
        anchors: which vectors are contrasted; its `errors` are 0 here.
        ignore_label: voxels with this value in the map are of no scale and no background; None: there are none.

    Called with

        projections: (B, E, *s), l2-normalised over E; one tensor with a shared head, S of them, smallest vessels first,
            with a head a scale.
        scale_map: (B, 1, *S) integers 0 … S, axes multiples of the projections'; a tensor or an array.
        mask: (B, 1, *S) bool or of 0 and 1, the voxels that count.

    it returns a scalar. Where anchors are drawn, it is by PyTorch's generator. In training, the anchors of each call go
    into the memory bank, if there is one (`anchors.bank`).

    Raises ValueError where projections, map and head do not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import Contrast
        >>> scale_map = torch.tensor([[[[1, 1, 0, 2, 2]]]])
        >>> apart = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
        >>> loss = Contrast(n_scales=2, head="shared", temperature=0.1)
        >>> round(loss(apart.view(1, 3, 1, 5), scale_map).item(), 3)  # scales and background are at right angles
        0.0
    """

    def __init__(
        self,
        n_scales: int,
        weight: float = 1.0,
        *,
        head: Literal["per_scale", "shared"] = "per_scale",
        temperature: float = 0.94,
        hard_negatives: float = 0.0,
        anchors: AnchorSettings | None = None,
        ignore_label: int | None = None,
    ) -> None:
        super().__init__()
        check_weight("Contrast", weight)
        check_ignore_label("Contrast", ignore_label)
        if head not in ("per_scale", "shared"):
            raise ValueError(f"Contrast: head: expected 'per_scale' or 'shared', got {head!r}")
        if isinstance(n_scales, bool) or not isinstance(n_scales, int) or n_scales < 1:
            raise ValueError(f"Contrast: n_scales: expected a number of scales from 1 up, got {n_scales!r}")
        chosen = anchors or AnchorSettings()
        if chosen.errors:
            raise ValueError("Contrast: anchors.errors: where a network is wrong is not known here; leave it at 0")
        try:
            settings = LossSettings(temperature=temperature, hard_negatives=hard_negatives, anchors=chosen)
        except ValidationError as wrong:
            raise ValueError(f"Contrast: {first_complaint(wrong, LossSettings)}") from None
        self.weight, self.ignore_label = weight, ignore_label
        self.contrast = ScaleContrast(settings, head, n_scales)

    def forward(
        self, projections: Tensor | Sequence[Tensor], scale_map: TensorOrArray, *, mask: TensorOrArray | None = None
    ) -> Tensor:
        """The loss of a batch; the class says what the arguments are."""
        given = [projections] if isinstance(projections, Tensor) else list(projections)
        if len(given) != self.contrast.n_projections:
            raise ValueError(f"projections: expected {self.contrast.n_projections}, got {len(given)}")
        scales = tensor_of("scale_map", scale_map, given[0].device)
        if scales.ndim != given[0].ndim or scales.shape[1] != 1 or scales.is_floating_point():
            expected = f"integers (B, 1, …) of {given[0].ndim} axes"
            raise ValueError(f"scale_map: expected {expected}, got {scales.dtype} {tuple(scales.shape)}")
        known = known_voxels(scales, mask, self.ignore_label)
        if known is not None:
            scales = scales.masked_fill(~known, 0)
        if values_are_checked():
            for projection in given:
                _check_lengths(projection)
            low, high = torch.stack(scales.aminmax()).tolist()  # one answer to wait for, not two
            if low < 0 or high > self.contrast.n_scales:
                raise ValueError(f"scale_map: expected 0 … {self.contrast.n_scales}, got {low} … {high}")
        ignored = None if known is None else ~known[:, 0]
        loss = self.contrast(given, scales[:, 0], None, None, ignored=ignored, keep=self.training)
        if self.training:
            self.contrast.remember()
        return self.weight * loss


def _check_lengths(projection: Tensor) -> None:
    """Raise ValueError for vectors that nobody normalised; those of nothing but zeros are what normalisation leaves."""
    lengths = torch.linalg.vector_norm(at_least_float32(projection.detach()), dim=1)
    wrong = ((lengths - 1.0).abs() > ROUNDING) & (lengths > 0.0)
    if bool(wrong.any()):
        raise ValueError(
            f"projections: expected vectors of length 1 over their channels, got {lengths[wrong][0].item():.3g}; "
            "normalise them first, torch.nn.functional.normalize(projections, dim=1)"
        )
