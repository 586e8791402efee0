"""The multi-task network of Sadikine et al. 2023, Sec. 2.2 and 2.3: one encoder, S + 1 decoders, S projection heads."""

import torch
from torch import Tensor, nn

from models.blocks import check_at_least, initialise
from models.decoder import Decoder
from models.encoder import Encoder
from models.outputs import TaskOutputs
from models.projection import ProjectionHead


class MultiTaskResUNet(nn.Module):
    """Shared encoder, a main decoder and one decoder with a projection head a scale (Sadikine et al. 2023, Eq. 4, 6).

    image (B, C, *S) -> TaskOutputs(logits (B, 1 + S, *S), projections: S of (B, E, *S/2^(l-1))). Channel 0 of the
    logits is the main task, channel s is scale s. Each decoder ends with a 1^ndim convolution; the sigmoid of the paper
    is applied by the loss and the prediction, for numerical stability.

    Args:
        in_channels: channels C of the image.
        scales: number of scales S; 0 leaves the main task alone.
        levels: number of down-samplings l.
        base_channels: channels f0 at full resolution; level i has 2^i f0.
        ndim: 2 or 3.
        embedding_channels: channels E of the projections; None takes half of the channels they are made from,
            since the paper projects to "a lower dimensional space" without naming it.

    Raises ValueError for arguments out of range and, on forward, for an image it cannot take (see `Encoder`).
    """

    def __init__(
        self,
        in_channels: int = 1,
        scales: int = 3,
        levels: int = 5,
        base_channels: int = 8,
        ndim: int = 3,
        embedding_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_at_least("scales", scales, 0)
        self.encoder = Encoder(in_channels, levels, base_channels, ndim)
        widths = self.encoder.widths
        embedding = max(1, widths[-2] // 2) if embedding_channels is None else embedding_channels
        check_at_least("embedding_channels", embedding, 1)
        self.scales = scales
        self.main_decoder = Decoder(widths, 1, ndim)
        self.scale_decoders = nn.ModuleList(Decoder(widths, 1, ndim) for _ in range(scales))
        self.projections = nn.ModuleList(ProjectionHead(widths[-2], embedding, ndim) for _ in range(scales))
        initialise(self)

    @property
    def size_multiple(self) -> int:
        """Every axis of the image must be a multiple of this: 2^levels."""
        return self.encoder.size_multiple

    def forward(self, image: Tensor) -> TaskOutputs:
        features = self.encoder(image)
        main = self.main_decoder(features).logits
        decoded = [decoder(features) for decoder in self.scale_decoders]
        logits = torch.cat((main, *(outputs.logits for outputs in decoded)), dim=1)
        projected = (head(outputs.first_stage) for head, outputs in zip(self.projections, decoded))
        return TaskOutputs(logits, tuple(projected))
