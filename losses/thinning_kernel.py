"""Thinning on the CPU, 64 voxels at a time: a word's bits are voxels of a row, and one operation serves them all.

The order of deletion is that of Menten et al. 2023; see `losses.topological_skeleton`.
"""

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.losses.simple_points import BOXES, BRIDGES, CENTRE, FACES, LONE_EDGES, NEAR_18, NEAR_26, WALLED_FACES

_NONE, _ALL, _ONE, _LAST = np.uint64(0), ~np.uint64(0), np.uint64(1), np.uint64(63)
# The bits of every other voxel of a row: those of odd and those of even index.
_ALTERNATE = np.array([0xAAAAAAAAAAAAAAAA, 0x5555555555555555], dtype=np.uint64)


@compiled(nogil=True)
def euler_words(near: NDArray[np.uint64]) -> np.uint64:
    """Voxels where the Euler characteristic stays, of the 27 words around a word; see `SimplePoints`.

    #F - #A18 + #A26 lies in -6..6, so three bits of a counter tell whether it is 1.
    """
    low, middle, high = _NONE, _NONE, _NONE
    for box in BOXES:
        empty = _ALL
        for place in box:
            empty &= ~near[place]
        carry = low & empty
        low ^= empty
        high ^= middle & carry
        middle ^= carry
    for face in FACES:
        empty = ~near[face]
        carry = low & empty
        low ^= empty
        high ^= middle & carry
        middle ^= carry
    for bridge in BRIDGES:
        empty = ~(near[bridge[0]] | near[bridge[1]] | near[bridge[2]])
        borrow = ~low & empty
        low ^= empty
        high ^= ~middle & borrow
        middle ^= borrow
    return low & ~middle & ~high


@compiled(nogil=True)
def simple_words(near: NDArray[np.uint64]) -> np.uint64:
    """Simple voxels by Bertrand's characterisation, of the 27 words around a word; see `SimplePoints`."""
    lone_corner, forbidden = _NONE, _NONE
    for box in BOXES:
        alone = near[box[0]]
        for place in box[1:]:
            alone &= ~near[place]
        lone_corner |= alone
    for lone in LONE_EDGES:
        alone = near[lone[0]]
        for place in lone[1:]:
            alone &= ~near[place]
        forbidden |= alone
    for wall in WALLED_FACES:
        alone = ~near[wall[0]]
        for place in wall[1:]:
            alone &= near[place]
        forbidden |= alone
    once, twice = _NONE, _NONE
    for face in FACES:
        twice |= once & ~near[face]
        once |= ~near[face]
    simple = once & ~twice
    once, twice = _NONE, _NONE
    for place in NEAR_18:
        twice |= once & near[place]
        once |= near[place]
    simple |= once & ~twice & ~lone_corner
    for place in NEAR_26[18:]:
        twice |= once & near[place]
        once |= near[place]
    simple |= once & ~twice
    found: np.uint64 = simple | (euler_words(near) & ~forbidden & ~lone_corner)
    return found


@compiled(nogil=True)
def _gather(rows: NDArray[np.uint64], z: int, y: int, word: int, near: NDArray[np.uint64]) -> bool:
    """Fill `near` with the 27 words around the word at (z, y, word) of the padded rows; is any voxel set?"""
    place = 0
    union = _NONE
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            before = rows[z + dz, y + dy, word - 1]
            here = rows[z + dz, y + dy, word]
            after = rows[z + dz, y + dy, word + 1]
            near[place] = (here << _ONE) | (before >> _LAST)
            near[place + 1] = here
            near[place + 2] = (here >> _ONE) | (after << _LAST)
            union |= near[place] | here | near[place + 2]
            place += 3
    any_set: bool = union != _NONE
    return any_set


@compiled(nogil=True)
def _endpoints(near: NDArray[np.uint64]) -> np.uint64:
    """Voxels with at most one neighbour."""
    once, twice = _NONE, _NONE
    for place in NEAR_26:
        twice |= once & near[place]
        once |= near[place]
    return ~twice


@compiled(nogil=True)
def _thin_rows(
    rows: NDArray[np.uint64], counts: NDArray[np.uint64], candidates: NDArray[np.uint64], iterations: int, euler: bool
) -> int:
    """Thin a volume of words; how many iterations were left when nothing more changed.

    Adds to the binary counters `counts`, plane by plane from the lowest, how often each voxel was a candidate for
    deletion, and leaves in `candidates` those of the last iteration.
    """
    near = np.empty(27, np.uint64)
    ends = np.empty(candidates.shape, np.uint64)
    depth, height, words = candidates.shape
    for done in range(iterations):
        deleted = _NONE
        for z, y, word in np.ndindex(depth, height, words):
            ends[z, y, word] = _endpoints(near) if _gather(rows, z + 1, y + 1, word + 1, near) else _ALL
        for field in range(8):
            bits = _ALTERNATE[field >> 2]
            for z in range(1 - (field & 1), depth, 2):
                for y in range(1 - (field >> 1 & 1), height, 2):
                    for word in range(words):
                        candidate = _NONE
                        if _gather(rows, z + 1, y + 1, word + 1, near) or euler:
                            centre = near[CENTRE]
                            simple = (euler_words(near) | ~centre) if euler else simple_words(near)
                            candidate = simple & ~ends[z, y, word] & bits
                            deleted |= centre & candidate
                            rows[z + 1, y + 1, word + 1] = centre & ~candidate
                        candidates[z, y, word] = (candidates[z, y, word] & ~bits) | candidate
                        for plane in range(len(counts)):
                            if candidate == _NONE:
                                break
                            counts[plane, z, y, word], candidate = (
                                counts[plane, z, y, word] ^ candidate,
                                counts[plane, z, y, word] & candidate,
                            )
        if deleted == _NONE:
            return iterations - done - 1
    return 0


@compiled(nogil=True)
def thin_volumes(volumes: NDArray[np.bool_], iterations: int, euler: bool, candidacies: NDArray[np.int16]) -> None:
    """Thin volumes, bool (N, D, H, W), in place, and write how often each voxel was a candidate for deletion.

    Args:
        volumes: changed in place.
        iterations: as often, or until nothing changes.
        euler: by the Euler characteristic alone, rather than Bertrand's characterisation.
        candidacies: (N, D, H, W), overwritten; without any element where they are not asked for.
    """
    depth, height, width = volumes.shape[1:]
    words = (width + 63) >> 6
    planes = 0
    while candidacies.size and iterations >> planes:
        planes += 1
    for volume in range(len(volumes)):
        # A margin of background all around, so that the neighbours of every word are there.
        rows = np.zeros((depth + 2, height + 2, words + 2), np.uint64)
        counts = np.zeros((planes, depth, height, words), np.uint64)
        candidates = np.zeros((depth, height, words), np.uint64)
        for z in range(depth):
            for y in range(height):
                _pack(volumes[volume, z, y], rows[z + 1, y + 1, 1:])
        left = _thin_rows(rows, counts, candidates, iterations, euler)
        for z in range(depth):
            for y in range(height):
                _unpack(rows[z + 1, y + 1, 1:], volumes[volume, z, y])
                if planes:
                    _add_up(counts[:, z, y], candidates[z, y], left, candidacies[volume, z, y])


@compiled(nogil=True)
def _pack(values: NDArray[np.bool_], words: NDArray[np.uint64]) -> None:
    """Set the bits of the words of one row where its values are true."""
    for x in range(len(values)):
        words[x >> 6] |= np.uint64(values[x]) << np.uint64(x & 63)


@compiled(nogil=True)
def _unpack(words: NDArray[np.uint64], values: NDArray[np.bool_]) -> None:
    """The other way round."""
    for x in range(len(values)):
        values[x] = words[x >> 6] >> np.uint64(x & 63) & _ONE


@compiled(nogil=True)
def _add_up(planes: NDArray[np.uint64], last: NDArray[np.uint64], left: int, sums: NDArray[np.int16]) -> None:
    """Read the binary counters of one row, and add `left` to those whose voxel is set in `last`."""
    for x in range(len(sums)):
        word, bit = x >> 6, np.uint64(x & 63)
        total = np.int64(last[word] >> bit & _ONE) * left
        for plane in range(len(planes)):
            total += np.int64(planes[plane, word] >> bit & _ONE) << plane
        sums[x] = total
