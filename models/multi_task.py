"""The multi-task network of Sadikine et al. 2023, Sec. 2.2 and 2.3: one encoder, S + 1 decoders, projection heads."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ramify.models.baselines import ResUNet
from ramify.models.blocks import check_at_least, initialise
from ramify.models.decoder import Decoder, decode
from ramify.models.encoder import Encoder
from ramify.models.network import Network
from ramify.models.network_kind import NetworkKind, Plan
from ramify.models.outputs import TaskOutputs
from ramify.models.pooling import multiples_of, pooling_rows
from ramify.models.projection import ProjectionHead
from ramify.models.shared_head import shared_head_of


class MultiTaskResUNet(Network):
    """Shared encoder, a main decoder and one decoder with a projection head a scale (Sadikine et al. 2023, Eq. 4, 6).

    image (B, C, *S) -> TaskOutputs(logits (B, M + S, *S), projections: S of (B, E, *S/2^(l-1))). The first M channels
    of the logits are the main task's, each further one is an auxiliary task's: that of a scale, as in the paper. In
    evaluation encoder and main decoder alone are run, which is what inference uses, and the logits have its channels;
    `every_task` gives all of them there. Each decoder ends with a 1^ndim convolution; the sigmoid of the paper is
    applied by the loss and the prediction, for numerical stability.

    Args:
        in_channels: channels C of the image.
        n_scales: number of scales S, or of whatever else is an auxiliary task; 0 leaves the main task alone.
        levels: number of down-samplings l.
        base_channels: channels f0 at full resolution; level i has 2^i f0.
        ndim: 2 or 3.
        embedding_channels: channels E of the projections; None takes half of the channels they are made from,
            since the paper projects to "a lower dimensional space" without naming it, and at least 16 for a shared one.
        main_channels: channels M of the main task's logits.
        deep_supervision: number of further, coarser logits of every decoder in training, at most levels - 1.
        checkpoint_activations: keep no activations inside a block for the backward pass; see `models.recomputation`.
        scale_heads: a projection head on the first stage of each scale's decoder, as the paper has it.
        shared_features: where a projection head for all scales sits, see `models.shared_head`; None leaves it out.
        pooling: how often each axis is halved, see `models.pooling`; None: all of them at every level.
        auxiliary_halvings: so many levels below full resolution the decoders of auxiliary tasks end, less than levels;
            not with deep supervision.
        auxiliary_width: their channels, as a share of the main decoder's.

    Raises ValueError for arguments out of range and, on forward, for an image it cannot take (see `Network`).

    Examples:
        >>> import torch
        >>> from ramify.models import MultiTaskResUNet
        >>> network = MultiTaskResUNet(n_scales=3, levels=2, base_channels=4, ndim=2)
        >>> image = torch.zeros(2, 1, 16, 16)
        >>> network(image).logits.shape, network(image).projections[0].shape
        (torch.Size([2, 4, 16, 16]), torch.Size([2, 4, 8, 8]))
        >>> network.eval()(image).logits.shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        in_channels: int = 1,
        n_scales: int = 3,
        levels: int = 5,
        base_channels: int = 8,
        ndim: int = 3,
        embedding_channels: int | None = None,
        *,
        main_channels: int = 1,
        deep_supervision: int = 0,
        checkpoint_activations: bool = False,
        scale_heads: bool = True,
        shared_features: str | None = None,
        pooling: Sequence[int] | None = None,
        auxiliary_halvings: int = 0,
        auxiliary_width: float = 1.0,
    ) -> None:
        check_at_least("n_scales", n_scales, 0)
        rows = pooling_rows(levels, ndim, pooling)
        encoder = Encoder(in_channels, levels, base_channels, ndim, pooling=rows, recompute=checkpoint_activations)
        super().__init__(in_channels, ndim, size_multiple=multiples_of(rows, ndim))
        widths = encoder.widths
        if not 0 <= auxiliary_halvings < levels:
            raise ValueError(
                f"auxiliary_halvings: expected 0 … {levels - 1} for {levels} levels, got {auxiliary_halvings}"
            )
        if auxiliary_halvings and deep_supervision:
            raise ValueError("deep_supervision: not with auxiliary_halvings; set one of the two to 0")
        of_stage = max(1, round(auxiliary_width * widths[-2]))
        embedding = max(1, of_stage // 2) if embedding_channels is None else embedding_channels
        check_at_least("embedding_channels", embedding, 1)
        self.n_scales = n_scales
        self.encoder = encoder
        self.main_decoder = Decoder(widths, main_channels, ndim, deep_supervision, pooling=rows)
        self.scale_decoders = nn.ModuleList(
            Decoder(
                widths,
                1,
                ndim,
                deep_supervision,
                pooling=rows,
                ends_at=auxiliary_halvings,
                width=auxiliary_width,
            )
            for _ in range(n_scales)
        )
        heads = n_scales if scale_heads else 0
        self.projections = nn.ModuleList(ProjectionHead(of_stage, embedding, ndim) for _ in range(heads))
        factors = [math.prod(row[axis] for row in rows[:auxiliary_halvings]) for axis in range(ndim)]
        self._auxiliary_factors = [float(factor) for factor in factors] if auxiliary_halvings else None
        initialise(self)
        self.shared_head = shared_head_of(shared_features, widths, embedding_channels, ndim)

    def forward(self, image: Tensor, turn: int | None = None) -> TaskOutputs:
        """In training every task, or the main one and the auxiliary one whose turn it is, from 0; else the main one."""
        if self.training:
            return self._run(image, list(self.scale_decoders) if turn is None else [self.scale_decoders[turn]])
        self.check_image(image)
        (main,) = decode([self.main_decoder], self.encoder(image), recompute=self.encoder.recompute)
        return TaskOutputs(main.logits)

    def every_task(self, image: Tensor) -> TaskOutputs:
        """All tasks and their projections, in evaluation too; the main task is there bit for bit what inference has."""
        return self._run(image, list(self.scale_decoders))

    def _run(self, image: Tensor, auxiliary: Sequence[nn.Module]) -> TaskOutputs:
        """auxiliary: the decoders that are run beside the main one; without all of them there are no projections."""
        self.check_image(image)
        self.check_batch_norm(image)
        features = self.encoder(image)
        # In evaluation the main task is computed as the network for inference does, alone.
        together = [[self.main_decoder, *auxiliary]]
        groups = together if self.training else [[self.main_decoder], [*auxiliary]]
        decoded = [
            outputs
            for group in groups
            for outputs in decode(group, features, recompute=self.encoder.recompute)  # type: ignore[arg-type]
        ]
        main, *others = (outputs.logits for outputs in decoded)
        coarse: tuple[Tensor, ...] = ()
        if others and self._auxiliary_factors:
            joined = torch.cat(others, dim=1)
            coarse = (joined,) if self.training else ()
            # Whoever looks at the tasks beside one another, as a validation does, sees them on one grid.
            others = [] if self.training else [interpolate(joined, scale_factor=self._auxiliary_factors)]
        logits = torch.cat([main, *others], dim=1)
        of_all = len(auxiliary) == len(self.scale_decoders)
        heads = zip(self.projections, decoded[1:]) if of_all else ()
        projected = [head(outputs.stages[0]) for head, outputs in heads]
        if self.shared_head is not None:
            projected.append(self.shared_head(features, decoded[0].stages))
        deep = (torch.cat(level, dim=1) for level in zip(*(outputs.deep_logits for outputs in decoded)))
        return TaskOutputs(logits, tuple(projected), tuple(deep), coarse)


def _build(plan: Plan) -> Network:
    """The multi-task network, or the baseline of the same blocks."""
    sizes = plan.levels, plan.base_channels, plan.ndim
    options: dict[str, Any] = {
        "deep_supervision": plan.deep_supervision,
        "checkpoint_activations": plan.checkpoint_activations,
        "embedding_channels": plan.embedding_channels,
        "shared_features": plan.shared_features,
        "pooling": plan.pooling,
    }
    if plan.tasks.auxiliary:
        options |= {"scale_heads": plan.scale_heads, "main_channels": len(plan.tasks.main.channels)}
        options |= {"auxiliary_halvings": plan.auxiliary_halvings, "auxiliary_width": plan.auxiliary_width}
        return MultiTaskResUNet(plan.in_channels, len(plan.tasks.auxiliary), *sizes, **options)
    return ResUNet(plan.in_channels, plan.tasks.n_channels, *sizes, **options)


def _main_task_alone(plan: Plan) -> Plan:
    return plan._replace(tasks=plan.tasks.main_alone)


KIND = NetworkKind(
    _build,
    for_inference=_main_task_alone,
    without_memory=True,
)
