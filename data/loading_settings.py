"""How prepared cases become batches, as a user chooses it."""

import math
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import BaseModel, Field, model_validator

from ramify.data.named_classes import ClassName, class_number
from ramify.essential import Essential
from ramify.tasks.class_table import ClassTable


class LoadingSettings(BaseModel, frozen=True, extra="forbid"):
    """How prepared cases become batches."""

    batch_size: Essential[int] = Field(2, ge=1)
    """Samples a batch, of all processes together."""
    patch_size: Essential[tuple[int, ...] | None] = None
    """Voxels (z y x) of the window cut from a case; none takes the whole volume, as the paper does."""
    vessel_patches: float = Field(0.5, ge=0, le=1)
    """Share of patches centred on a vessel voxel; the others lie anywhere."""
    scale_shares: tuple[float, ...] | None = None
    """How many of the patches on vessels are centred on each scale, smallest first, relative to one another (1 1 1: a
    third each); a single number holds for all. What a case lacks goes to its other scales. None takes each vessel voxel
    as often as another, and so mostly the thick vessels."""
    class_shares: dict[ClassName, float] | None = None
    """How many of the patches on vessels are centred on each class, by its name or number, relative to one another; a
    class of context may be named, too, and one that is not named has none. What a case lacks goes to its other ones.
    The scale is drawn within the class, by scale_shares. None takes each vessel voxel as often as another."""
    samples_per_epoch: int | None = Field(None, ge=1)
    """Samples an epoch; none takes each training case once."""
    workers: Essential[int | None] = Field(None, ge=0)
    """Loader processes; none chooses by the machine and the device."""

    @model_validator(mode="after")
    def _shares_of_something(self) -> Self:
        of_classes = None if self.class_shares is None else tuple(self.class_shares.values())
        for name, shares in (("scale_shares", self.scale_shares), ("class_shares", of_classes)):
            if shares is None:
                continue
            if not any(shares) or not all(math.isfinite(share) and share >= 0 for share in shares):
                raise ValueError(f"{name}: expected finite numbers of at least 0, not all of them 0, got {shares}")
        return self

    def shares_of_scales(self, n_scales: int) -> tuple[float, ...] | None:
        """One share for each of S scales, or None; ValueError where their number is neither S nor 1."""
        shares = self.scale_shares
        if shares is not None and len(shares) not in (1, n_scales):
            raise ValueError(
                f"loading.scale_shares: expected {n_scales} numbers for {n_scales} scales (or 1 for all), "
                f"got {len(shares)}"
            )
        return shares * n_scales if shares is not None and len(shares) == 1 else shares

    def shares_of_classes(self, table: ClassTable) -> dict[int, float] | None:
        """The share of each class that has one, by its number, or None; ValueError for a class that there is not, or
        that is named twice."""
        if self.class_shares is None:
            return None
        found: dict[int, float] = {}
        for name, share in self.class_shares.items():
            number = class_number(name, table, "loading.class_shares")
            if number in found:
                raise ValueError(f"loading.class_shares: class {table.names[number - 1]} is named twice; name it once")
            found[number] = share
        return found

    def sample_shapes(
        self, shapes: Mapping[str, tuple[int, ...]], size_multiples: Sequence[int]
    ) -> dict[str, tuple[int, ...]]:
        """Voxels of each case's samples, by case.

        shapes: of the cases. size_multiples: of each axis of a sample (the network's down-samplings).
        Raises ValueError where a patch does not fit cases or network, whole volumes would not fit one batch or are
        to be centred on something.
        """
        for name, asked in (("scale_shares", self.scale_shares), ("class_shares", self.class_shares)):
            if asked is not None and self.patch_size is None:
                raise ValueError(f"loading.{name}: whole volumes are centred on no vessel; set loading.patch_size too")
        patch = self.patch_size
        if patch is not None:
            ndims = {len(shape) for shape in shapes.values()}
            if ndims != {len(patch)}:
                raise ValueError(f"loading.patch_size: {patch} has {len(patch)} axes, the cases have {min(ndims)}")
            if any(n < 1 or n % multiple for n, multiple in zip(patch, size_multiples, strict=True)):
                multiple_of = size_multiples[0] if len(set(size_multiples)) == 1 else tuple(size_multiples)
                raise ValueError(
                    f"loading.patch_size: {patch}: each axis must be a multiple of {multiple_of} for this network"
                )
            return dict.fromkeys(shapes, patch)
        rounded = {
            case_id: tuple(-(-n // multiple) * multiple for n, multiple in zip(shape, size_multiples, strict=True))
            for case_id, shape in shapes.items()
        }
        if self.batch_size > 1 and len(set(rounded.values())) > 1:
            smallest, largest = min(rounded.values()), max(rounded.values())
            raise ValueError(
                f"the cases differ in shape ({smallest} … {largest}), so whole volumes cannot share a batch: "
                "set loading.patch_size, loading.batch_size 1, or preprocess to one size"
            )
        return rounded
