"""The ResUNet baselines of Sadikine et al. 2023, Table 1: one encoder, one decoder, the blocks of the method."""

from collections.abc import Sequence

from torch import Tensor

from ramify.models.blocks import initialise
from ramify.models.decoder import Decoder, decode
from ramify.models.encoder import Encoder
from ramify.models.network import Network
from ramify.models.outputs import TaskOutputs
from ramify.models.pooling import multiples_of, pooling_rows
from ramify.models.shared_head import SharedHead, shared_head_of


class ResUNet(Network):
    """Encoder and one decoder: image (B, C, *S) -> TaskOutputs(logits (B, K, *S), ()).

    The binary baseline (K = 1, sigmoid), the multi-class baseline (K = 1 + S, softmax over background and scales) and
    the main network of the multi-task one at inference.

    Args:
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        levels: number of down-samplings l.
        base_channels: channels f0 at full resolution.
        ndim: 2 or 3.
        deep_supervision: number of further, coarser logits in training, at most levels - 1.
        checkpoint_activations: keep no activations inside a block for the backward pass; see `models.recomputation`.
        shared_features: where a projection head for all scales sits, see `models.shared_head`; None leaves it out.
        embedding_channels: channels E of its projection.
        pooling: how often each axis is halved, see `models.pooling`; None: all of them at every level.

    Raises ValueError for arguments out of range and, on forward, for an image it cannot take (see `Network`).

    Examples:
        >>> import torch
        >>> from ramify.models import ResUNet
        >>> network = ResUNet(in_channels=1, out_channels=4, levels=2, base_channels=4, ndim=3)
        >>> network(torch.zeros(1, 1, 8, 8, 8)).logits.shape
        torch.Size([1, 4, 8, 8, 8])
    """

    auxiliary_parts = ("scale_decoders.", "projections.", "shared_head.", "main_decoder.deep_heads.")

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        levels: int = 5,
        base_channels: int = 8,
        ndim: int = 3,
        *,
        deep_supervision: int = 0,
        checkpoint_activations: bool = False,
        shared_features: str | None = None,
        embedding_channels: int | None = None,
        pooling: Sequence[int] | None = None,
    ) -> None:
        rows = pooling_rows(levels, ndim, pooling)
        encoder = Encoder(in_channels, levels, base_channels, ndim, pooling=rows, recompute=checkpoint_activations)
        super().__init__(in_channels, ndim, size_multiple=multiples_of(rows, ndim))
        self.encoder = encoder
        self.main_decoder = Decoder(encoder.widths, out_channels, ndim, deep_supervision, pooling=rows)
        initialise(self)
        self.shared_head = shared_head_of(shared_features, encoder.widths, embedding_channels, ndim)

    def forward(self, image: Tensor) -> TaskOutputs:
        return self._run(image, self.shared_head if self.training else None)

    def every_task(self, image: Tensor) -> TaskOutputs:
        """With the projection of a shared head, in evaluation too."""
        return self._run(image, self.shared_head)

    def _run(self, image: Tensor, head: SharedHead | None) -> TaskOutputs:
        self.check_image(image)
        self.check_batch_norm(image)
        features = self.encoder(image)
        (outputs,) = decode([self.main_decoder], features, recompute=self.encoder.recompute)
        projections = (head(features, outputs.stages),) if head else ()
        return TaskOutputs(outputs.logits, projections, outputs.deep_logits)
