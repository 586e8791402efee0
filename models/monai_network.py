"""Any segmentation network of MONAI by its name; what images it takes is found by trying."""

import copy
import difflib
import inspect
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ramify.models.blocks import check_at_least
from ramify.models.network import Network
from ramify.models.network_choices import MONAI_PREFIX
from ramify.models.network_kind import NetworkKind, Plan
from ramify.models.outputs import TaskOutputs

MULTIPLES = (1, 2, 3, 4, 6, 8, 9, 12, 16, 24, 32, 48, 64, 96, 128)
TRIED_LENGTH = 150  # voxels: long enough for the deepest network, and nothing is computed
OWN_ARGUMENTS = ("spatial_dims", "in_channels", "out_channels")


class MonaiNetwork(Network):
    """A class of `monai.networks.nets` with in_channels, out_channels and, mostly, spatial_dims.

    image (B, C, *S) -> TaskOutputs(logits (B, K, *S)). Where the class itself has deep supervision, its arguments
    switch it on; its further outputs are the deep logits.

    Args:
        name: of the class: UNet, SegResNet, DynUNet, SwinUNETR, …
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        ndim: 2 or 3.
        arguments: all others that the class needs, such as `channels` and `strides` of UNet.

    Raises ValueError for an unknown name (with the near miss), arguments that do not fit, and a network that gives no
    segmentation of the image's size whatever that is a multiple of.
    """

    def __init__(
        self, name: str, in_channels: int, out_channels: int, ndim: int, arguments: Mapping[str, Any] | None = None
    ) -> None:
        check_at_least("in_channels", in_channels, 1)
        check_at_least("out_channels", out_channels, 1)
        title = f"network {MONAI_PREFIX}{name}"
        network = _build(title, name, in_channels, out_channels, ndim, dict(arguments or {}))
        fixed = _fixed_size(arguments or {}, ndim)
        multiple = _find_multiple(title, network, in_channels, out_channels, ndim, fixed)
        super().__init__(in_channels, ndim, multiple)
        self.title = title
        self.out_channels = out_channels
        self.fixed_size = fixed
        self.network = network

    def forward(self, image: Tensor) -> TaskOutputs:
        self.check_image(image)
        size = tuple(image.shape[2:])
        if self.fixed_size not in (None, size):
            raise ValueError(f"image: {self.title} was built for size {self.fixed_size}, got {size}; use such patches")
        logits, *deep = all_logits(self.title, self.network(image), self.out_channels, size)
        return TaskOutputs(logits, (), tuple(deep) if self.training else ())


def _build(
    title: str, name: str, in_channels: int, out_channels: int, ndim: int, arguments: dict[str, Any]
) -> nn.Module:
    from monai.networks import nets  # here: it takes seconds, and the other networks do without

    kinds = {key: kind for key, kind in vars(nets).items() if inspect.isclass(kind) and issubclass(kind, nn.Module)}
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        raise ValueError(
            f"{title}: MONAI has no such network; "
            + (f"did you mean {near[0]}?" if near else "see monai.networks.nets")
        )
    known = inspect.signature(kinds[name].__init__).parameters
    if not {"in_channels", "out_channels"} <= known.keys():
        raise ValueError(f"{title}: is no segmentation network: it takes no in_channels and out_channels")
    own = [key for key in arguments if key in OWN_ARGUMENTS]
    if own:
        raise ValueError(f"arguments.{own[0]}: is set by the task; leave it out")
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "spatial_dims": ndim}
    given = {key: value for key, value in sizes.items() if key in known} | arguments
    unknown = [key for key in given if key not in known and not any(p.kind is p.VAR_KEYWORD for p in known.values())]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(key for key in known if key != 'self')}"
        raise ValueError(f"arguments.{unknown[0]}: {title} has no such argument; {hint}")
    needed = [key for key, p in known.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    missing = [key for key in needed if key != "self" and key not in given]
    if missing:
        raise ValueError(f"arguments: {title} also needs {', '.join(missing)}")
    try:
        return kinds[name](**given)
    except ImportError as error:
        raise ValueError(f"{title}: needs another package: {str(error).partition(chr(10))[0]}; install it") from None
    except Exception as error:
        raise ValueError(f"{title}: these arguments do not fit: {_one_line(error)}") from None


def _fixed_size(arguments: Mapping[str, Any], ndim: int) -> tuple[int, ...] | None:
    """The one size of images a network was built for, where its arguments name one."""
    size = arguments.get("img_size")
    if size is None:
        return None
    return (size,) * ndim if isinstance(size, int) else tuple(int(n) for n in size)


def _find_multiple(
    title: str, network: nn.Module, in_channels: int, out_channels: int, ndim: int, fixed: tuple[int, ...] | None
) -> int:
    """The smallest number that an image's axes must be a multiple of for logits of its size.

    Tried on tensors that have a shape and no values, in training and in evaluation, with sizes that are odd multiples.
    """
    shapeless = copy.deepcopy(network).to("meta")
    complaint = ""
    for multiple in (1,) if fixed else MULTIPLES:
        odd = max(3, -(-TRIED_LENGTH // multiple) | 1)
        try:
            for size in (fixed,) if fixed else ((multiple * odd,) * ndim, (multiple * (odd + 2),) * ndim):
                for training in (True, False):
                    image = torch.empty(2, in_channels, *size, device="meta")
                    outputs = shapeless.train(training)(image)
                    all_logits(title, outputs, out_channels, size)
        except ImportError as error:
            raise ValueError(f"{title}: needs another package: {_one_line(error)}; install it") from None
        except Exception as error:
            complaint = complaint or _one_line(error)
        else:
            return multiple
    tried = f"{fixed}" if fixed else f"multiples of 1 … {MULTIPLES[-1]}"
    raise ValueError(f"{title}: gives no {ndim}D segmentation of its image's size; tried {tried}; first: {complaint}")


def all_logits(title: str, outputs: object, out_channels: int, size: Sequence[int]) -> list[Tensor]:
    """The logits among a network's outputs: of the image's size first, then those of deep supervision.

    Raises ValueError where the outputs are something else, or where several of one size in a list leave open which of
    them is the network's result.
    """
    every: list[object] = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    stacked = isinstance(outputs, Tensor) and outputs.ndim == len(size) + 3
    if isinstance(outputs, Tensor) and stacked:  # DynUNet's, all brought to the image's size, on a new axis
        every = [*outputs.unbind(1)]
    logits = [each for each in every if isinstance(each, Tensor)]
    sizes = [tuple(each.shape[2:]) for each in logits]
    fits = len(logits) == len(every) > 0 and sizes[0] == tuple(size)
    fits &= all(tuple(each.shape[1:2]) == (out_channels,) and each.ndim == len(size) + 2 for each in logits)
    fits &= stacked or all(math.prod(coarser) < math.prod(finer) for finer, coarser in pairwise(sizes))
    if not fits or any(n % m for other in sizes for n, m in zip(size, other)):
        got = ", ".join(str(tuple(each.shape)) if isinstance(each, Tensor) else type(each).__name__ for each in every)
        expected = ", ".join(map(str, ("B", out_channels, *size)))
        raise ValueError(f"{title}: expected logits ({expected}), got {got or 'nothing'}")
    return logits


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _planned(plan: Plan) -> MonaiNetwork:
    name = plan.name.removeprefix(MONAI_PREFIX)
    return MonaiNetwork(name, plan.in_channels, plan.tasks.n_channels, plan.ndim, plan.arguments)


KIND = NetworkKind(_planned)
