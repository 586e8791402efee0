"""Simple points: the voxels whose deletion changes no component, tunnel or cavity (26-connected foreground, 6 behind).

Bertrand 1996 and Lobregt et al. 1980, as Menten et al. 2023 use them, by patterns in the neighbourhood 3x3x3: here on
tensors of any device, and from the same patterns in `losses.thinning_kernel`. A slice of one voxel's thickness is a 2D
image with 8-connected foreground and 4-connected background.
"""

from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ramify.losses.term_settings import SimplePointRule

# The 27 voxels by their offset from the centre; the place in this list is the bit in a code.
_OFFSETS = tuple(product((-1, 0, 1), repeat=3))
CENTRE = _OFFSETS.index((0, 0, 0))
# Those that share a face, an edge or a corner with the centre.
_FACES, _EDGES, _CORNERS = (
    [place for place, offset in enumerate(_OFFSETS) if np.count_nonzero(offset) == axes] for axes in (1, 2, 3)
)


def _between(place: int) -> list[int]:
    """The voxels that lie between the centre and a voxel: its offset with one or two steps left out."""
    steps = product(*({0, step} for step in _OFFSETS[place]))
    return sorted({_OFFSETS.index(offset) for offset in steps} - {place, CENTRE})


def _touching(place: int) -> list[int]:
    """The face and edge voxels that share a face, an edge or a corner with a voxel."""
    gaps = np.abs(np.array(_OFFSETS) - _OFFSETS[place]).max(axis=1)
    return [other for other in (*_FACES, *_EDGES) if gaps[other] == 1]


# Bertrand's configurations. Each row: the voxel in question, then those it is judged by.
# A18: an edge voxel and the two face voxels between, all background.
BRIDGES = np.array([[edge, *_between(edge)] for edge in _EDGES])
# A26: a corner voxel and the six between, all background. B26: the same six, but a foreground corner.
BOXES = np.array([[corner, *_between(corner)] for corner in _CORNERS])
# B18: a foreground edge voxel, and background in all face and edge voxels that touch it.
LONE_EDGES = np.array([[edge, *_touching(edge)] for edge in _EDGES])
# A6: a background face voxel, and foreground in the four edge voxels beside it.
WALLED_FACES = np.array([[face, *(edge for edge in _EDGES if face in _between(edge))] for face in _FACES])
FACES = np.array(_FACES)
NEAR_18 = np.array(_FACES + _EDGES)
NEAR_26 = np.array(_FACES + _EDGES + _CORNERS)


class SimplePoints:
    """Decides on codes, tensors of int32 whose bit i is the i-th of the 27 voxels around each voxel, in C order.

    `boolean` is Bertrand's characterisation. Simple are the voxels with exactly one background face voxel; with exactly
    one foreground voxel among 26; with exactly one among the 18 nearest, and no B26; or without A6, B26 and B18, where
    #F - #A18 + #A26 = 1, F being the background face voxels.

    `euler` asks for that equation alone, which says that the Euler characteristic stays. It holds for every simple
    point, and for others where a component and a tunnel come or go together. A background voxel always satisfies it:
    its deletion changes nothing.
    """

    # Codes decided at a time, so that the table of patterns x codes stays at some 50 MB.
    CHUNK = 2**18

    def __init__(self, rule: SimplePointRule, device: torch.device) -> None:
        self.rule = rule
        counted = [(1, [face]) for face in FACES]
        counted += [(-1, row) for row in BRIDGES] + [(1, row) for row in BOXES]
        self.signs = torch.tensor([sign for sign, _ in counted], dtype=torch.int8, device=device)[:, None]
        self.counted = torch.tensor([_bits(row) for _, row in counted], dtype=torch.int32, device=device)[:, None]
        forbidden = [(row, row[:1]) for row in (*BOXES, *LONE_EDGES)] + [(row, row[1:]) for row in WALLED_FACES]
        values = [[_bits(row), _bits(foreground)] for row, foreground in forbidden]
        self.forbidden, self.foreground = torch.tensor(values, dtype=torch.int32, device=device).T[..., None]

    def __call__(self, codes: Tensor) -> Tensor:
        """Where the codes are those of simple points: bool, of the codes' shape."""
        chunks = codes.flatten().split(self.CHUNK)
        return torch.cat([self._decide(chunk) for chunk in chunks]).view(codes.shape)

    def _decide(self, codes: Tensor) -> Tensor:
        unchanged: Tensor = (((codes & self.counted) == 0) * self.signs).sum(0, dtype=torch.int8) == 1
        if self.rule == "euler":
            return unchanged | (codes & (1 << CENTRE) == 0)
        forbidden: Tensor = (codes & self.forbidden) == self.foreground
        no_lone_corner = ~forbidden[: len(BOXES)].any(0)
        return (
            _exactly_one(~codes & _bits(FACES))
            | _exactly_one(codes & _bits(NEAR_26))
            | (_exactly_one(codes & _bits(NEAR_18)) & no_lone_corner)
            | (unchanged & ~forbidden.any(0))
        )


def _bits(places: NDArray[np.int64] | list[int]) -> int:
    """The code with these bits set."""
    return sum(1 << int(place) for place in places)


def _exactly_one(codes: Tensor) -> Tensor:
    """Where exactly one bit is set."""
    return (codes != 0) & at_most_one(codes)


def at_most_one(codes: Tensor) -> Tensor:
    """Where no more than one bit is set."""
    return (codes & (codes - 1)) == 0
