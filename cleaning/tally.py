"""How well every candidate would do on a case, from what each piece holds: no mask is cleaned to find it out.

All that Dice and clDice are made of is counted piece by piece, for the skeleton of a mask is that of its pieces. A
candidate's score is that of the sums over the pieces it keeps.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.cleaning.candidates import Candidates
from ramify.training.clean_up import TIE
from ramify.vessels.pieces import Pieces
from ramify.vessels.solid import skeletonize_solid

Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]


class Tally(NamedTuple):
    """Scores of a case under every candidate, float64 (thresholds, gaps, sizes, distances) each.

    Attributes:
        dice, cldice: of the mask.
        pieces_error: |pieces of the prediction − pieces of the truth|.
    """

    dice: Scores
    cldice: Scores
    pieces_error: Scores

    @property
    def score(self) -> Scores:
        """What a rule is chosen by: (Dice + clDice) / 2, as loose pieces are few voxels of volume."""
        return (self.dice + self.cldice) / 2


def tally_of(
    bridged_at: Callable[[float], Sequence[Mask]],
    truth: Mask,
    spacing_mm: Sequence[float],
    candidates: Candidates,
    known: Mask | None = None,
) -> Tally | None:
    """How every candidate does on a case; None where there is nothing to find and nothing is found at any threshold.

    Args:
        bridged_at: the predicted mask from a probability on, bool (*S), with each of the gaps bridged.
        truth: bool (*S).
        spacing_mm: voxel size along each array axis.
        candidates: what is tried.
        known: where the truth is known, bool (*S); None: everywhere. Pieces are those of the whole prediction.
    """
    known = np.ones_like(truth) if known is None else known
    truth = truth & known
    line = skeletonize_solid(truth, spacing_mm).skeleton & truth
    pieces = len(Pieces(truth, spacing_mm).volumes_mm3)
    found, anything = list[tuple[Scores, Scores, Scores]](), bool(truth.any())
    # Of one threshold at a time: all masks together would be many volumes.
    for value in candidates.threshold:
        before: Mask | None = None
        for mask in bridged_at(value):
            # A longer gap may find no further bridge.
            same = before is not None and np.array_equal(mask, before)
            found.append(found[-1] if same else _of_mask(mask, truth, line, pieces, spacing_mm, candidates, known))
            before, anything = mask, anything or bool(mask.any())
    if not anything:
        return None
    shape = [len(values) for values in candidates]
    return Tally(*(np.stack(each).reshape(shape) for each in zip(*found, strict=True)))


def _of_mask(
    mask: Mask,
    truth: Mask,
    line: Mask,
    true_pieces: int,
    spacing_mm: Sequence[float],
    candidates: Candidates,
    known: Mask,
) -> tuple[Scores, Scores, Scores]:
    pieces = Pieces(mask, spacing_mm)
    inside = pieces.labels * known
    own_line = skeletonize_solid(mask, spacing_mm).skeleton & mask
    survives = _survived(pieces, candidates)

    def kept(counted: NDArray[np.int32]) -> Scores:
        """Of voxels by their piece's number, 0 none: how many are left (sizes, distances)."""
        return _sums(np.bincount(counted.ravel(), minlength=1 + len(pieces.volumes_mm3))[1:], *survives)

    voxels, true = kept(inside), kept(inside * truth)
    length, true_length = kept(inside * own_line), kept(inside * (own_line & truth))
    held = kept(inside * line)
    nothing = voxels + truth.sum() == 0
    dice = np.where(nothing, 1.0, 2 * true / np.maximum(voxels + truth.sum(), 1))
    # A skeleton that lies where the truth is not known is not wrong.
    tprec = np.where(length > 0, true_length / np.maximum(length, 1), 1.0)
    tsens = held / max(line.sum(), 1)
    cldice = np.where(nothing, 1.0, 2 * tprec * tsens / np.maximum(tprec + tsens, np.finfo(np.float64).tiny))
    count = _sums(np.ones(len(pieces.volumes_mm3)), *survives)
    return dice, cldice, np.abs(count - true_pieces)


def _survived(pieces: Pieces, candidates: Candidates) -> tuple[NDArray[np.intp], NDArray[np.intp], tuple[int, int]]:
    """How many of the sizes, and how many of the distances, each piece survives: those are the first ones."""
    sizes = np.searchsorted(candidates.smallest_mm3, pieces.volumes_mm3 * TIE, side="right")
    sizes[pieces.is_largest] = len(candidates.smallest_mm3)
    farthest = np.array(candidates.farthest_mm)
    # Ascending for the search: how many distances are shorter than the piece's own.
    shorter = np.searchsorted(farthest[::-1] * TIE, pieces.distances_mm, side="left")
    return sizes, len(farthest) - shorter, (len(candidates.smallest_mm3), len(farthest))


def _sums(
    values: NDArray[np.generic], sizes: NDArray[np.intp], distances: NDArray[np.intp], shape: tuple[int, int]
) -> Scores:
    """Sum of the pieces' values under each pair of candidates, (sizes, distances)."""
    of_both = np.zeros((1 + shape[0], 1 + shape[1]))
    np.add.at(of_both, (sizes, distances), values)
    summed: Scores = of_both[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1][1:, 1:]
    return summed
