"""The soft skeleton of Shit et al. 2021 (Algorithm 1) and of its workshop forerunner, and its exact gradient.

With E the erosion over the cross (a voxel and its neighbours by face), D the dilation over the box (3 in each axis),
I_0 the image, I_{i+1} = E(I_i) and δ_i = ReLU(I_i - D(I_{i+1})), the sum S <- S + (1 - S) δ_i is S = 1 - Π (1 - δ_i),
and the workshop's S <- S + S δ_i is δ_0 Π_{i≥1} (1 + δ_i). So dS/dδ_i is the product of all other factors: the product
of earlier ones goes along forward, that of later ones backward. Neither the images nor the δ_i need to be kept: only
some images with their products, from which the rounds in between are done again.
"""

import warnings
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ramify.losses.precision import at_least_float32, check_mask, check_same_shape, in_unit_range, values_are_checked
from ramify.losses.soft_skeleton_kernels import CompiledRounds
from ramify.losses.soft_skeleton_rounds import HIGH, SLAB_GPU, PlainRounds

Variant = Literal["cvpr", "workshop"]

# On a CPU, kernels compiled for it do the rounds; False: plain tensor operations, as on any other device.
COMPILED = True


def soft_skeleton(
    probabilities: Tensor, iterations: int, variant: Variant = "cvpr", *, mask: Tensor | None = None
) -> Tensor:
    """Soft skeleton of each channel: what rounds of soft erosion and opening leave (Shit et al. 2021, Algorithm 1).

    I' = D(E(I)), S = ReLU(I - I'); then `iterations` times I = E(I), I' = D(E(I)), S = S + (1 - S) ReLU(I - I'), with E
    the erosion over a voxel and its neighbours by face and D the dilation over the box around it. What lies outside the
    volume is never a minimum nor a maximum. The gradient is the one that E and D written with `max_pool3d` and
    `torch.min` have, ties included; it cannot be differentiated again.

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        iterations: k of at least 1, at least the radius of the widest vessel in voxels; more changes nothing but time.
        variant: "cvpr", or "workshop" with S = S + S ReLU(I - I') (Paetzold et al. 2019, Algorithm 2), which keeps only
            what the first opening took away: on a binary mask it is empty for a radius of 1 and more, and warns.
        mask: bool (B, 1, *S), the voxels that count: the volume ends with them, and beyond there is no skeleton. None:
            all do.

    Returns:
        (B, C, *S) in float32 or better; in [0, 1] for "cvpr". Empty for an empty and for a full volume.

    Raises ValueError where type, shape, range, iterations or variant do not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import soft_skeleton
        >>> bar = torch.zeros(1, 1, 5, 9)
        >>> bar[..., 1:4, 1:8] = 1.0  # three voxels wide
        >>> soft_skeleton(bar, iterations=2)[0, 0, 2].tolist()  # its middle line
        [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
        >>> soft_skeleton(bar, iterations=2).sum().item()
        5.0
    """
    check_same_shape("probabilities", probabilities, probabilities)
    check_skeleton(probabilities, iterations, variant)
    check_mask(mask, probabilities)
    probabilities = in_unit_range(at_least_float32(probabilities))
    if variant == "workshop" and is_binary(probabilities):
        warn_degenerate()
    return unchecked_soft_skeleton(probabilities, iterations, variant, mask)


def check_skeleton(probabilities: Tensor, iterations: int, variant: str) -> None:
    """Raise ValueError unless a soft skeleton of so many rounds can be made of probabilities in [0, 1]."""
    shape = tuple(probabilities.shape)
    if len(shape) not in (4, 5):
        raise ValueError(f"probabilities: expected (B, C, H, W) or (B, C, D, H, W), got {shape}; add or drop axes")
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 1:
        raise ValueError(f"iterations: expected an integer of at least 1, got {iterations!r}")
    if variant not in get_args(Variant):
        raise ValueError(f"variant: expected one of {', '.join(get_args(Variant))}, got {variant!r}")


def is_binary(values: Tensor) -> bool:
    """Whether there are only 0 and 1; False where values are not to be looked at."""
    return values_are_checked() and bool(((values == 0) | (values == 1)).all())


def warn_degenerate() -> None:
    """Say, to whoever called the caller, what the workshop's variant makes of a binary mask."""
    message = "the workshop's soft skeleton of a binary mask is empty where its radius is 1 or more; use variant='cvpr'"
    warnings.warn(message, UserWarning, stacklevel=3)


def unchecked_soft_skeleton(
    probabilities: Tensor, iterations: int, variant: Variant, mask: Tensor | None = None
) -> Tensor:
    """`soft_skeleton` of what was checked before."""
    unknown = None
    if mask is not None:
        everywhere = ~mask.expand(probabilities.shape)
        probabilities = probabilities.masked_fill(everywhere, HIGH)
        unknown = everywhere.reshape(-1, *probabilities.shape[2:]).contiguous()
    volumes = at_least_float32(probabilities).reshape(-1, *probabilities.shape[2:]).contiguous()
    wants_gradient = torch.is_grad_enabled() and volumes.requires_grad
    skeletons: Tensor = _SoftSkeleton.apply(volumes, unknown, iterations, variant, wants_gradient)
    skeletons = skeletons.reshape(probabilities.shape)
    return skeletons if mask is None else skeletons.masked_fill(~mask, 0.0)


class _SoftSkeleton(torch.autograd.Function):
    """Volumes (N, *S) to their skeletons, a few at a time: the memory that rounds need is used again."""

    @staticmethod
    def forward(
        ctx: Any, volumes: Tensor, unknown: Tensor | None, iterations: int, variant: Variant, wants_gradient: bool
    ) -> Tensor:
        chunks = _chunks(volumes.detach())
        hidden = [None] * len(chunks) if unknown is None else _chunks(unknown)
        rounds = _rounds(chunks[0])
        passages = [_Passage(chunk, own, iterations + 1, variant) for chunk, own in zip(chunks, hidden)]
        skeletons = [passage.forward(rounds, wants_gradient) for passage in passages]
        if wants_gradient:
            ctx.save_for_backward(volumes)
            ctx.passages = passages
        return _joined(skeletons)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, arriving: Tensor) -> tuple[Tensor, None, None, None, None]:
        chunks = _chunks(ctx.saved_tensors[0])  # raises where they were changed since
        rounds = _rounds(chunks[0])
        pieces = zip(ctx.passages, _chunks(arriving.contiguous()))
        return _joined([passage.backward(rounds, piece) for passage, piece in pieces]), None, None, None, None


class Rounds(Protocol):
    """What does a round and goes back through it: `PlainRounds` says how."""

    def forward(
        self,
        image: Tensor,
        product: Tensor,
        factor: tuple[float, float],
        eroded: Tensor,
        next_product: Tensor,
        unknown: Tensor | None,
    ) -> None: ...

    def backward(
        self,
        image: Tensor,
        eroded: Tensor,
        product: Tensor,
        slope: float,
        upstream: Tensor,
        gradient: Tensor,
        unknown: Tensor | None,
    ) -> Tensor: ...


class _Passage:
    """The rounds of some volumes, forward and back. State i: the image I_i and the product of the factors before it."""

    def __init__(self, volumes: Tensor, unknown: Tensor | None, count: int, variant: Variant) -> None:
        self._volumes, self._unknown = volumes, unknown
        self._count = count
        self._variant = variant
        self._states: dict[int, tuple[Tensor, Tensor | None]] = {}
        self._last: Tensor | None = None  # the image after all rounds
        self._spares: list[Tensor] = []

    def forward(self, rounds: Rounds, keep: bool) -> Tensor:
        """The skeleton; what the way back needs is kept if asked for."""
        self._states = {0: (self._volumes, None)}
        image, product = self._advance(rounds, 0, self._count, _kept_rounds(self._count) if keep else set())
        self._last = image if keep else None
        self._spares = []
        return product.neg_().add_(1.0) if self._variant == "cvpr" else product

    def backward(self, rounds: Rounds, arriving: Tensor) -> Tensor:
        """The derivative by the volumes. Uses up what was kept: asked a second time, the rounds are done again."""
        if self._last is None:
            self.forward(rounds, keep=True)
        eroded, self._last = self._last, None
        assert eroded is not None
        upstream, gradient = arriving.clone(), torch.zeros_like(arriving)
        for number in reversed(range(self._count)):
            if number not in self._states:
                self._advance(rounds, max(self._states), number, set(range(number + 1)))
            image, kept_product = self._states.pop(number)
            product = self._ones() if kept_product is None else kept_product
            gradient = rounds.backward(
                image, eroded, product, self._factor(number)[1], upstream, gradient, self._unknown
            )
            self._spares += eroded, product
            eroded = image
        self._spares = []
        return gradient

    def _advance(self, rounds: Rounds, start: int, stop: int, keep: set[int]) -> tuple[Tensor, Tensor]:
        """Go from a state to round `stop`, or to where the image is empty and no round changes anything any more."""
        image, kept_product = self._states[start]
        product = self._ones() if kept_product is None else kept_product
        for number in range(start, stop):
            held = number in self._states
            eroded = self._take()
            next_product = self._take() if held and number > 0 else product
            rounds.forward(image, product, self._factor(number), eroded, next_product, self._unknown)
            if not held:
                self._spares.append(image)
            image, product = eroded, next_product
            # Elsewhere than on a CPU, the answer takes longer than it saves.
            if start == 0 and image.device.type == "cpu" and not image.amax() > 0.0:
                self._count = number + 1
                break
            if number + 1 in keep:
                self._states[number + 1] = image, product
        return image, product

    def _factor(self, number: int) -> tuple[float, float]:
        """What δ_i enters the product with: constant and slope."""
        if self._variant == "cvpr":
            return 1.0, -1.0
        return (1.0 if number else 0.0), 1.0

    def _ones(self) -> Tensor:
        return self._take().fill_(1.0)

    def _take(self) -> Tensor:
        return self._spares.pop() if self._spares else torch.empty_like(self._volumes)


def _kept_rounds(count: int) -> set[int]:
    """The rounds whose states are kept: the last, then gaps of 1, 2, 3, … towards the first.

    On the way back, what lies in a gap takes the memory of the states already used: never more than about sqrt(2 count)
    states are in memory, and each round is done twice at most.
    """
    kept, number, gap = set(), count, 1
    while number > 0:
        number = max(0, number - gap)
        kept.add(number)
        gap += 1
    return kept


def _rounds(volumes: Tensor) -> Rounds:
    """What does the rounds of such volumes."""
    compiled = COMPILED and volumes.device.type == "cpu" and volumes.dtype in (torch.float32, torch.float64)
    return CompiledRounds(volumes) if compiled else PlainRounds(volumes)


def _chunks(volumes: Tensor) -> tuple[Tensor, ...]:
    """Volumes that go together: each alone on a CPU, as many as it takes to keep it busy on a GPU."""
    at_once = 1 if volumes.device.type == "cpu" else max(1, SLAB_GPU // volumes[0].numel())
    chunks: tuple[Tensor, ...] = volumes.split(at_once)
    return chunks


def _joined(chunks: list[Tensor]) -> Tensor:
    return chunks[0] if len(chunks) == 1 else torch.cat(chunks)
