"""nnU-Net's network with a decoder a scale and a projection head beside it, in training alone.

To nnU-Net it is the network that its plans describe: what is saved, loaded and run in evaluation is that network, and
a checkpoint predicts with nnU-Net alone. The weights beside it are kept by whoever saves it (`beside`).
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ramify.models.shared_head import SharedHead

BESIDE = "beside."
"""What the names of weights begin with that nnU-Net does not see."""


class ScaleOutputs(NamedTuple):
    """What the network gives in training."""

    main: Tensor | list[Tensor]
    """nnU-Net's logits (B, K, *S); with deep supervision, of each resolution, finest first."""
    scales: tuple[Tensor, ...]
    """Logits of the scales, (B, S, *s), finest first."""
    projection: Tensor | None
    """Embeddings (B, E, *s) for the contrast, where there is one."""


class ScaleNetwork(nn.Module):
    """A U-Net of nnU-Net's, encoder and decoder, with what the scales need beside it.

    In training (B, C, *S) -> ScaleOutputs; in evaluation what nnU-Net's own network gives. Its weights are drawn before
    those beside it, which start anew whatever it starts from. `state_dict` has nnU-Net's weights alone, under its own
    names, and `load_state_dict` asks for no others.

    Args:
        plain: nnU-Net's network.
        n_scales: number of scales S.
        contrast_level: level of the encoder whose features are contrasted, 0 being full resolution; None: none are.

    Raises ValueError for a network of another build, or a level that it does not have.
    """

    def __init__(self, plain: nn.Module, n_scales: int, contrast_level: int | None) -> None:
        super().__init__()
        parts = dict(plain.named_children())
        if set(parts) != {"encoder", "decoder"} or not hasattr(parts["decoder"], "seg_layers"):
            raise ValueError(
                f"RamifyScales: it needs a U-Net of nnU-Net's, and the plans have {type(plain).__name__}; take plans "
                "of nnUNetPlannerResEncM or of the default planner"
            )
        self.encoder, self.decoder = parts["encoder"], parts["decoder"]
        initialise = getattr(plain, "initialize", None)
        decoders = [_for_a_scale(self.encoder, self.decoder, initialise) for _ in range(n_scales)]
        self.beside = _Beside(self.encoder, decoders, contrast_level)
        self.register_state_dict_post_hook(_leave_out_beside)
        self.register_load_state_dict_post_hook(_ask_for_none_beside)

    def forward(self, image: Tensor) -> ScaleOutputs | Tensor | list[Tensor]:
        features = self.encoder(image)
        main: Tensor | list[Tensor] = self.decoder(features)
        return ScaleOutputs(main, *self.beside(features)) if self.training else main

    def supervise_deeply(self, enabled: bool) -> None:
        """Whether the decoders of the scales give coarser logits too, as nnU-Net's own does."""
        for decoder in self.beside.decoders:
            decoder.deep_supervision = enabled  # type: ignore[assignment]


class _Beside(nn.Module):
    """What nnU-Net does not see."""

    def __init__(self, encoder: nn.Module, decoders: Sequence[nn.Module], contrast_level: int | None) -> None:
        super().__init__()
        self.decoders = nn.ModuleList(decoders)
        widths: Any = encoder.output_channels
        ndim = {nn.Conv2d: 2, nn.Conv3d: 3}[encoder.conv_op]  # type: ignore[index]
        level = None if contrast_level is None else f"encoder.{contrast_level}"
        self.head = None if level is None else SharedHead(level, list(widths), None, ndim)

    def forward(self, features: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Tensor | None]:
        given = [decoder(features) for decoder in self.decoders]
        of_scales = [each if isinstance(each, list) else [each] for each in given]
        scales = tuple(torch.cat(level, dim=1) for level in zip(*of_scales, strict=True))
        return scales, None if self.head is None else self.head(features, ())


def _for_a_scale(encoder: nn.Module, decoder: nn.Module, initialise: Any) -> nn.Module:
    """A decoder as the main one, with one channel of logits and weights of its own."""
    # Decoders of nnU-Net's hold the encoder, which this one is to share: it is told of it with each image.
    own = deepcopy(decoder, {id(encoder): None})
    layers: Any = own.seg_layers
    own.seg_layers = nn.ModuleList(type(layer)(layer.in_channels, 1, 1) for layer in layers)
    if initialise is not None:
        own.apply(initialise)
    return own


def _leave_out_beside(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
    for name in [name for name in state if name.startswith(prefix + BESIDE)]:
        del state[name]


def _ask_for_none_beside(module: nn.Module, keys: Any) -> None:
    # The names of this network alone: hooks see those that a network around it lacks too.
    keys.missing_keys[:] = [name for name in keys.missing_keys if BESIDE not in name]
