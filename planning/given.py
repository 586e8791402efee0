"""Settings that are given and stay: whether a network can be planned around them, and how often it halves a patch."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.planning.choices import written
from ramify.planning.pooling import LEAST_SIDE, halvings_of

PATCH, BATCH = "loading.patch_size", "loading.batch_size"
LEVELS, POOLING, CHANNELS = "model.levels", "model.pooling", "model.base_channels"
KEYS = (PATCH, BATCH, LEVELS, POOLING, CHANNELS)
"""What is planned."""
SUCH_AS = {2: 128, 3: 64}
"""Edge of a patch that is named as an example."""
_FLAG = "--loading.patch-size"


def check_given(given: Mapping[str, Any], spacing_mm: Sequence[float]) -> None:
    """Raise ValueError, with what would do, where a given patch or pooling fits no network for cases of these voxels.

    given: settings among KEYS.

    Examples:
        >>> from ramify.planning.given import check_given
        >>> check_given({"loading.patch_size": (48, 64, 64)}, (1.0, 1.0, 1.0))
    """
    ndim = len(spacing_mm)
    pooling, patch = given.get(POOLING), given.get(PATCH)
    if pooling is not None and len(pooling) != ndim:
        raise ValueError(
            f"{POOLING} {written(pooling)}: {_numbers(pooling)}, and the cases have {ndim} axes; give {ndim}, or leave "
            "it out for --auto to choose"
        )
    if patch is None:
        return
    such = written((SUCH_AS[ndim],) * ndim)
    if len(patch) != ndim:
        raise ValueError(
            f"{PATCH} {written(patch)}: {_numbers(patch)}, and the cases have {ndim} axes; give {ndim}, such as "
            f"{_FLAG} {such}, or leave it out for --auto to choose"
        )
    if min(patch) < 1:
        raise ValueError(
            f"{PATCH} {written(patch)}: expected voxels along each axis, none below 1; give {_FLAG} {such}, or leave "
            "it out for --auto to choose"
        )
    _check_halvings(patch, spacing_mm, given)


def _check_halvings(patch: Sequence[int], spacing_mm: Sequence[float], given: Mapping[str, Any]) -> None:
    levels, pooling = given.get(LEVELS), given.get(POOLING)
    wanted = given_halvings(patch, spacing_mm, given)
    if pooling is not None:
        fits, what = patch == rounded(patch, wanted), f"{POOLING} {written(pooling)}"
    elif levels is not None:
        found = given_halvings(patch, spacing_mm, given, exactly=True)
        fits, what = max(found) == levels, f"{LEVELS} {levels}"
    else:
        if not max(given_halvings(patch, spacing_mm, given, exactly=True)):
            better, _ = better_patch(patch, spacing_mm)
            raise ValueError(
                f"{PATCH} {written(patch)}: a network halves a patch at least once, and only even edges of "
                f"{2 * LEAST_SIDE} voxels and more are halved{' on every axis' * (POOLING in given)}; give {_FLAG} "
                f"{written(better)}, or leave it out for --auto to choose"
            )
        return
    if not fits:
        multiples = [2**each for each in wanted]
        needs = str(multiples[0]) if len(set(multiples)) == 1 else written(multiples)
        raise ValueError(
            f"{PATCH} {written(patch)}: {what} asks for multiples of {needs}; give {_FLAG} "
            f"{written(nearest(patch, wanted))}, or leave one of the two out for --auto to choose"
        )


def given_halvings(
    size: Sequence[int], spacing_mm: Sequence[float], given: Mapping[str, Any], *, exactly: bool = False
) -> tuple[int, ...]:
    """How often each axis is halved: as it is given, or as the size has room for; exactly: of a size that stays."""
    if given.get(POOLING) is not None:
        return tuple(given[POOLING])
    if POOLING not in given:
        return halvings_of(size, spacing_mm, given.get(LEVELS), exactly=exactly)
    # Every axis at every level, as it was given: as often as the one that can be halved least.
    found = halvings_of(size, [1.0] * len(size), given.get(LEVELS), exactly=exactly)
    return (min(found),) * len(found)


def better_patch(patch: Sequence[int], spacing_mm: Sequence[float]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """About that patch, of edges that can be halved as often as their lengths have room for; and how often that is.

    Examples:
        >>> from ramify.planning.given import better_patch
        >>> better_patch((33, 47, 50), (1.0, 1.0, 1.0))
        ((32, 48, 48), (3, 3, 3))
    """
    least = [max(side, 2 * LEAST_SIDE) for side in patch]
    # A voxel more has room for one halving more: 47 is taken for the 48 that it is nearly.
    halvings = halvings_of([side + 1 for side in least], spacing_mm)
    return nearest(least, halvings), halvings


def nearest(size: Sequence[int], halvings: Sequence[int]) -> tuple[int, ...]:
    """The size that can be halved so often and is the nearest one, along each axis."""
    multiples = [2**each for each in halvings]
    return tuple(max(1, round(side / multiple)) * multiple for side, multiple in zip(size, multiples, strict=True))


def rounded(size: Sequence[int], halvings: Sequence[int], *, up: bool = False) -> tuple[int, ...]:
    """A size that can be halved so often: the next smaller one, and one multiple at least, or the next larger one."""
    multiples = [2**each for each in halvings]
    if up:
        return tuple(-(-side // multiple) * multiple for side, multiple in zip(size, multiples, strict=True))
    return tuple(max(1, side // multiple) * multiple for side, multiple in zip(size, multiples, strict=True))


def _numbers(values: Sequence[int]) -> str:
    return "1 number" if len(values) == 1 else f"{len(values)} numbers"
