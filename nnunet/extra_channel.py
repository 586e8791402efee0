"""A label map beside nnU-Net's own: through its augmentation as the last channel of the labels, and out again."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class KeepingLastChannel:
    """A transform of labels that leaves their last channel alone.

    nnU-Net makes regions of the first channel and drops all others; whatever comes later is meant for every channel.

    Args:
        transform: of a sample, whose "segmentation" is (C, *S).

    Examples:
        >>> import torch
        >>> from ramify.nnunet.extra_channel import KeepingLastChannel
        >>> def vessels_alone(segmentation):
        ...     return {"segmentation": segmentation[:1] > 1}
        ...
        >>> labels = torch.tensor([[0, 1, 2], [0, 3, 4]])
        >>> KeepingLastChannel(vessels_alone)(segmentation=labels)["segmentation"].tolist()
        [[0, 0, 1], [0, 3, 4]]
    """

    def __init__(self, transform: Callable[..., Mapping[str, Any]]) -> None:
        self.transform = transform

    def __call__(self, **sample: Any) -> dict[str, Any]:
        labels = sample["segmentation"]
        done = dict(self.transform(**{**sample, "segmentation": labels[:-1]}))
        done["segmentation"] = torch.cat((done["segmentation"].to(labels.dtype), labels[-1:]))
        return done

    def __repr__(self) -> str:
        return f"KeepingLastChannel({self.transform!r})"


def without_last_channel(target: Tensor, *, regions: bool) -> tuple[Tensor, Tensor]:
    """nnU-Net's own target, and what came beside it.

    Args:
        target: (B, C + 1, *S), integers.
        regions: whether its own channels are regions, which nnU-Net has as bool.

    Returns:
        (B, C, *S) and (B, *S).
    """
    own = target[:, :-1]
    return own.bool() if regions else own, target[:, -1]
