"""Whether losses may look at the values of what they are given, and what they need not ask of it.

What needs the values themselves makes a GPU wait for its answer. It is asked by default, and not within
`without_value_checks` nor while `torch.compile` traces, where there is nobody to answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_VALUES_ARE_CHECKED: ContextVar[bool] = ContextVar("values_are_checked", default=True)
_OF_A_NETWORK: ContextVar[bool] = ContextVar("of_a_network", default=False)


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
def with_value_checks() -> Iterator[None]:
    """Within it losses look at values, within `without_value_checks` too: those that copy all values to the host."""
    before = _VALUES_ARE_CHECKED.set(True)
    try:
        yield
    finally:
        _VALUES_ARE_CHECKED.reset(before)


@contextmanager
def of_a_network() -> Iterator[None]:
    """Within it what a loss is given is known to be a network's: its channels, and their sigmoid or softmax.

    Nobody asks whether the second axis is one of the volume or the target binary, and without value checks nothing is
    cut to [0, 1].
    """
    before = _OF_A_NETWORK.set(True)
    try:
        yield
    finally:
        _OF_A_NETWORK.reset(before)


def are_of_a_network() -> bool:
    """Whether probabilities are a network's for sure, and their second axis that of its channels."""
    return not torch.compiler.is_compiling() and _OF_A_NETWORK.get()


def values_are_checked() -> bool:
    """Whether a loss may look at values, and let a GPU wait for it."""
    return not torch.compiler.is_compiling() and _VALUES_ARE_CHECKED.get()
