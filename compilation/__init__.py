"""The compiler of every kernel: numba, with its cache where one can be written and without where none can."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit

__all__ = ["compiled"]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator that compiles a function when it is first called, as numba's `njit(cache=True)`.

    The compiled code is kept beside the source or in the user's cache folder (or NUMBA_CACHE_DIR). Where all of them
    are read-only, as in many containers, it is compiled anew in every process; where the disk is full, it is used and
    not kept.

    options: as of `numba.njit`, such as nogil.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        # numba raises RuntimeError where no place for a cache can be written.
        with suppress(RuntimeError):
            dispatcher.enable_caching()
            _never_fail_to_save(dispatcher._cache)
        return dispatcher

    return decorate


def _never_fail_to_save(cache: Any) -> None:
    """A kernel that is compiled is worth more than its copy on a disk that is full."""
    save = cache.save_overload

    def save_if_possible(signature: Any, data: Any) -> None:
        with suppress(OSError):
            save(signature, data)

    cache.save_overload = save_if_possible
