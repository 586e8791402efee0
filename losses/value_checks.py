"""Whether losses may look at the values of what they are given, and what they need not ask of it.

What needs the values themselves makes a GPU wait for its answer. It is asked by default, and not within
`without_value_checks` nor while `torch.compile` traces, where there is nobody to answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_VALUES_ARE_CHECKED: ContextVar[bool] = ContextVar("values_are_checked", default=True)
_CHANNELS_ARE_NAMED: ContextVar[bool] = ContextVar("channels_are_named", default=False)


@contextmanager
def without_value_checks() -> Iterator[None]:
    """Within it no loss looks at values before it computes: nothing for a GPU to wait for; shapes are still checked.

    Wrong input then gives a wrong number in silence: try a script with the checks first. Probabilities
    are cut to [0, 1] all the same.

    Examples:
        >>> import torch
        >>> from ramify.losses import dice_loss, without_value_checks
        >>> logits, target = torch.full((1, 1, 4), 3.0), torch.ones(1, 1, 4)
        >>> with without_value_checks():
        ...     dice_loss(logits, target).item()  # of a probability of 1
        0.0
        >>> dice_loss(logits, target)
        Traceback (most recent call last):
        ValueError: probabilities: expected [0, 1], got [3, 3]; pass logits through a sigmoid or softmax first
    """
    before = _VALUES_ARE_CHECKED.set(False)
    try:
        yield
    finally:
        _VALUES_ARE_CHECKED.reset(before)


@contextmanager
def channels_are_named() -> Iterator[None]:
    """Within it the second axis is known to be that of channels, and nobody asks whether it is one of the volume."""
    before = _CHANNELS_ARE_NAMED.set(True)
    try:
        yield
    finally:
        _CHANNELS_ARE_NAMED.reset(before)


def channels_are_known() -> bool:
    """Whether the second axis is that of channels for sure."""
    return _CHANNELS_ARE_NAMED.get()


def values_are_checked() -> bool:
    """Whether a loss may look at values, and let a GPU wait for it."""
    return not torch.compiler.is_compiling() and _VALUES_ARE_CHECKED.get()
