"""The compiler of every kernel: numba, with its cache where one can be written and without where none can."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["can_be_kept", "compiled", "what_compiling_takes"]


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


def can_be_kept(kernel: Any) -> bool:
    """Whether a folder takes what is compiled of a kernel that `compiled` made, for other processes."""
    return getattr(kernel._cache, "cache_path", None) is not None


def what_compiling_takes(kernel: Any) -> str:
    """What to say before a kernel is first called; empty where its compiled code is kept from before.

    kernel: one that `compiled` made, and that stands for those which are compiled with it.
    """
    if not can_be_kept(kernel):
        return (
            "compiling: a minute or so at every start, as no folder takes what is compiled (NUMBA_CACHE_DIR names one)"
        )
    # As numba calls the files; one that is out of date was written for another version of the source.
    source = Path(kernel.py_func.__code__.co_filename)
    kept = list(Path(kernel._cache.cache_path).glob(f"{source.stem}.{kernel.py_func.__qualname__}-*.nbi"))
    if any(file.stat().st_mtime >= source.stat().st_mtime for file in kept):
        return ""
    return "compiling, which takes a minute or so and is done once"
