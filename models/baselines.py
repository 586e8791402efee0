"""The 3D ResUNet baselines of Sadikine et al. 2023, Table 1: one encoder, one decoder, the blocks of the method."""

from torch import Tensor, nn

from models.blocks import initialise
from models.decoder import Decoder
from models.encoder import Encoder
from models.outputs import TaskOutputs


class ResUNet(nn.Module):
    """Encoder and one decoder: image (B, C, *S) -> TaskOutputs(logits (B, K, *S), ()).

    The binary baseline (K = 1, sigmoid), the multi-class baseline (K = 1 + S, softmax over background and scales) and
    the main network of the multi-task one at inference.

    Args:
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        levels: number of down-samplings l.
        base_channels: channels f0 at full resolution.
        ndim: 2 or 3.

    Raises ValueError for arguments out of range and, on forward, for an image it cannot take (see `Encoder`).
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1, levels: int = 5, base_channels: int = 8, ndim: int = 3
    ) -> None:
        super().__init__()
        self.encoder = Encoder(in_channels, levels, base_channels, ndim)
        self.main_decoder = Decoder(self.encoder.widths, out_channels, ndim)
        initialise(self)

    @property
    def size_multiple(self) -> int:
        """Every axis of the image must be a multiple of this: 2^levels."""
        return self.encoder.size_multiple

    def forward(self, image: Tensor) -> TaskOutputs:
        return TaskOutputs(self.main_decoder(self.encoder(image)).logits, ())
