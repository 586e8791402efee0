"""The rounds of a soft skeleton, forward and back, with the memory of about the square root of their number."""

from typing import Protocol

import torch
from torch import Tensor


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


class Passage:
    """The rounds of some volumes, forward and back. State i: the image I_i and the product of the factors before it."""

    def __init__(self, volumes: Tensor, unknown: Tensor | None, count: int, variant: str) -> None:
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
