"""Cases read for one step of a preparation and kept for the next, so that most files are read once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ramify.data.adapters.base import Adapter
from ramify.data.raw_case import RawCase

KEPT_BYTES = 1 << 30
"""What the kept cases of all processes of a preparation may take in memory; a dozen CTs of 130 slices."""


@dataclass(frozen=True)
class _KeptCase:
    """A case in little memory.

    stamps: of its files before they were read. hollow: the case with empty masks, which take no memory. bits: its
    masks, packed.
    """

    stamps: Mapping[str, str]
    hollow: RawCase
    bits: Sequence[NDArray[np.uint8]]

    @property
    def nbytes(self) -> int:
        whole = [*self.hollow.images.values(), *([] if self.hollow.classes is None else [self.hollow.classes])]
        return sum(its.array.nbytes for its in whole) + sum(its.nbytes for its in self.bits)


class CaseReader:
    """The cases of a data set, for the steps of a preparation that one process does.

    Args:
        adapter: the data set.
        keep_bytes: memory for the cases that are kept.
    """

    def __init__(self, adapter: Adapter, keep_bytes: int = KEPT_BYTES) -> None:
        self.adapter = adapter
        self._left = keep_bytes
        self._kept: dict[str, _KeptCase] = {}

    def read(self, case_id: str) -> RawCase:
        """A case as its files are now, kept for `take` if there is room; raises as `Adapter.load`."""
        stamps = self.adapter.sources(case_id).stamps()
        raw = self.take(case_id)
        packed = _packed(raw, stamps)
        if packed.nbytes <= self._left:
            self._left -= packed.nbytes
            self._kept[case_id] = packed
        return raw

    def take(self, case_id: str) -> RawCase:
        """The same for the last step that needs it: it is kept no longer; raises as `Adapter.load`."""
        kept = self._kept.pop(case_id, None)
        if kept is not None:
            self._left += kept.nbytes
            if kept.stamps == self.adapter.sources(case_id).stamps():
                return _unpacked(kept)
        return self.adapter.load(case_id)


def _packed(raw: RawCase, stamps: Mapping[str, str]) -> _KeptCase:
    masks = _masks(raw)
    hollow = _with_masks(raw, [np.broadcast_to(np.False_, mask.shape) for mask in masks])
    return _KeptCase(stamps, hollow, [np.packbits(mask) for mask in masks])


def _unpacked(kept: _KeptCase) -> RawCase:
    shape = kept.hollow.image.shape
    count = math.prod(shape)
    masks = [np.unpackbits(bits, count=count).view(np.bool_).reshape(shape) for bits in kept.bits]
    return _with_masks(kept.hollow, masks)


def _masks(raw: RawCase) -> list[NDArray[np.bool_]]:
    """All masks in a fixed order; by name a structure may be called as another mask is."""
    organ = [] if raw.organ is None else [raw.organ]
    return [mask.array for mask in (*organ, raw.vessels, *raw.structures.values())]


def _with_masks(raw: RawCase, masks: Sequence[NDArray[np.bool_]]) -> RawCase:
    """The case with other masks, in the order of `_masks`."""
    left = iter(masks)
    organ = None if raw.organ is None else raw.organ.with_array(next(left))
    vessels = raw.vessels.with_array(next(left))
    structures = {name: mask.with_array(next(left)) for name, mask in raw.structures.items()}
    return replace(raw, organ=organ, vessels=vessels, structures=structures)
