"""From prepared cases to batches: which case, which window, which augmentation, all drawn from (seed, epoch, position).

A sample depends on nothing else, so that any number of loader workers, and a training that was killed and resumed,
see the same batches.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypedDict

import numpy as np
import torch
from pydantic import BaseModel, Field, model_validator
from torch.utils.data import DataLoader, Dataset, Sampler

from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_store import Case, read_case
from ramify.data.random_streams import Purpose, stream
from ramify.data.vessel_index import VESSEL_INDICES, draw_vessel_voxel
from ramify.data.windows import Centre, anywhere, in_the_middle, on_voxel
from ramify.processes.sheltered import heed_parent_alone, sheltering


class LoadingSettings(BaseModel, frozen=True, extra="forbid"):
    """How prepared cases become batches."""

    batch_size: int = Field(2, ge=1)
    """Samples a batch, of all processes together."""
    patch_size: tuple[int, ...] | None = None
    """Voxels (z y x) of the window cut from a case; none takes the whole volume, as the paper does."""
    vessel_patches: float = Field(0.5, ge=0, le=1)
    """Share of patches centred on a vessel voxel; the others lie anywhere."""
    scale_shares: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] | None = None
    """How many of the patches on vessels are centred on each scale, smallest first, relative to one another (1 1 1: a
    third each); a single number holds for all. What a case lacks goes to its other scales. None takes each vessel voxel
    as often as another, and so mostly the thick vessels."""
    samples_per_epoch: int | None = Field(None, ge=1)
    """Samples an epoch; none takes each training case once."""
    workers: int | None = Field(None, ge=0)
    """Loader processes; none chooses by the machine and the device."""

    @model_validator(mode="after")
    def _shares_of_something(self) -> Self:
        if self.scale_shares is not None:
            if not any(self.scale_shares):
                raise ValueError("scale_shares: expected at least one number above 0")
            if self.patch_size is None:
                raise ValueError("scale_shares: whole volumes are centred on no vessel; set patch_size too")
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


class Batch(TypedDict):
    """What the network is trained on.

    image: float32 (B, 1, *S); scale_map: int64 label map (B, *S), 0 background, 1 … S; tubed_skeleton: bool (B, *S);
    spacing_mm: float32 (B, ndim), z, y, x; case_ids: B names.
    """

    image: torch.Tensor
    scale_map: torch.Tensor
    tubed_skeleton: torch.Tensor
    spacing_mm: torch.Tensor
    case_ids: list[str]


class Sample(NamedTuple):
    """One member of a batch, its fields as there but without B."""

    image: torch.Tensor
    scale_map: torch.Tensor
    tubed_skeleton: torch.Tensor
    spacing_mm: torch.Tensor
    case_id: str


class SampleKey(NamedTuple):
    """Everything a sample is drawn from, besides the seed."""

    epoch: int
    position: int
    case: int


class EpochSampler(Sampler[list[SampleKey]]):
    """Batches of one epoch: permutations of the cases, one after another, until every batch is full.

    Of each batch, a rank of a distributed training takes its part; together they are the batch of one process.
    Set `epoch`, and the `first` of its batches that is wanted, before each pass; they are read in the training process,
    so loader workers may live on.
    """

    def __init__(self, cases: int, samples: int, batch_size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        if batch_size % world:
            raise ValueError(f"loading.batch_size: {batch_size} cannot be shared by {world} processes; use a multiple")
        self.cases, self.batch_size, self.seed = cases, batch_size, seed
        self.part = slice(rank * batch_size // world, (rank + 1) * batch_size // world)
        self.batches = -(-samples // batch_size)
        self.epoch = 0
        self.first = 0

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[SampleKey]]:
        random = stream(self.seed, Purpose.ORDER, self.epoch)
        wanted = self.batches * self.batch_size
        order = np.concatenate([random.permutation(self.cases) for _ in range(-(-wanted // self.cases))])[:wanted]
        keys = [SampleKey(self.epoch, position, int(case)) for position, case in enumerate(order)]
        for start in range(self.first * self.batch_size, wanted, self.batch_size):
            yield keys[start : start + self.batch_size][self.part]


class TrainingSamples(Dataset[Sample]):
    """Augmented windows of the training cases.

    Args:
        store: folder of prepared cases.
        case_ids: the training cases.
        loading: batch and patch settings.
        augmentation: augmentation settings, or None for none.
        size_multiple: every axis of a sample is a multiple of it (the network's down-samplings).
        seed: of the whole training.

    Raises:
        ValueError: whole volumes of different shapes in batches of more than one, or a patch size that does not fit.
    """

    def __init__(
        self,
        store: Path,
        case_ids: Sequence[str],
        loading: LoadingSettings,
        augmentation: AugmentationSettings | None,
        size_multiple: int,
        seed: int,
    ) -> None:
        self.store, self.case_ids, self.loading = store, list(case_ids), loading
        self.augmentation, self.seed = augmentation, seed
        cases = [read_case(store, case_id) for case_id in case_ids]
        self.sample_shapes = _sample_shapes({case.case_id: case.known.shape for case in cases}, loading, size_multiple)
        # Asked of every case, so that one of an earlier version is refused here and not in a loader process.
        n_scales = max(max(case.known.n_scales, len(case.sampling.vessel_voxels)) for case in cases)
        self._scale_shares = loading.shares_of_scales(n_scales)

    def __len__(self) -> int:
        return len(self.case_ids)

    def __getitem__(self, key: SampleKey) -> Sample:
        case = read_case(self.store, self.case_ids[key.case])
        shape, window, spacing_mm = case.known.shape, self.sample_shapes[case.case_id], spacing_of(case)
        random = stream(self.seed, Purpose.SAMPLE, key.epoch, key.position)
        drawn = Augmentation.identity(len(shape))
        if self.augmentation:
            seen_mm = np.minimum(window, shape) * np.asarray(spacing_mm)
            drawn = draw_augmentation(self.augmentation, len(shape), random, seen_mm)
        on_vessel, centre = self._place(case, window, random)
        arrays = [np.asarray(case.arrays[name]) for name in ("image", "scales", "tubed_skeleton")]
        sample = partial(
            apply_augmentation,
            image=arrays[0],
            labels=arrays[1],
            tube=arrays[2],
            spacing_mm=spacing_mm,
            output_shape=window,
            centre=centre,
            lowest=case.sampling.lowest_intensity,
        )
        sampled = sample(drawn)
        if on_vessel and drawn.translation_mm.any() and not sampled[1].any():
            # The vessel that the sample is there for lay at the edge of what is seen, and was moved out of it.
            sampled = sample(drawn.in_place())
        window_image, window_scale_map, window_tube = sampled
        return Sample(
            torch.from_numpy(window_image)[None],
            torch.from_numpy(window_scale_map.astype(np.int64)),
            torch.from_numpy(window_tube.view(bool)),
            torch.tensor(spacing_mm, dtype=torch.float32),
            case.case_id,
        )

    def _place(self, case: Case, window: tuple[int, ...], random: np.random.Generator) -> tuple[bool, Centre]:
        """Whether a sample has to show a vessel, and where its window lies."""
        shape, counts = case.known.shape, case.sampling.vessel_voxels
        if self.loading.patch_size is None:
            return any(counts), in_the_middle(shape, window)
        if random.random() < self.loading.vessel_patches and any(counts):
            place = draw_vessel_voxel(case.arrays[VESSEL_INDICES], counts, self._scale_shares, random)
            return True, on_voxel([int(index) for index in np.unravel_index(place, shape)], window)
        return False, anywhere(shape, window, random)


class TrainingBatches:
    """The batches of every epoch, or a rank's part of each: `for batch in batches.of_epoch(3)`."""

    def __init__(
        self, samples: TrainingSamples, workers: int, *, pin_memory: bool = False, rank: int = 0, world: int = 1
    ) -> None:
        loading = samples.loading
        wanted = loading.samples_per_epoch or len(samples)
        self._sampler = EpochSampler(len(samples), wanted, loading.batch_size, samples.seed, rank, world)
        self._loader: DataLoader[Any] = DataLoader(
            samples,
            batch_sampler=self._sampler,
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=pin_memory,
            persistent_workers=workers > 0,
            multiprocessing_context="spawn" if workers else None,
            worker_init_fn=_as_helper if workers else None,
            # Its own, since each pass draws from it: a pass that is resumed would move the training's random numbers.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self._sampler)

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from its `first` on, always the same ones."""
        self._sampler.epoch, self._sampler.first = epoch, first
        if not self._loader.num_workers:
            return iter(self._loader)
        # A signal to all processes of the training must find them at work until its last step is done.
        with sheltering():
            return iter(self._loader)


def _as_helper(_: int) -> None:
    heed_parent_alone()


def spacing_of(case: Case) -> tuple[float, ...]:
    """Voxel size of a prepared case, mm, z, y, x."""
    return tuple(case.record["spacing_mm"])


def label_voxels(store: Path, case_ids: Sequence[str], n_scales: int) -> list[int]:
    """How often each label 0 … S occurs over some cases: background, then each scale."""
    counts = [0] * (1 + n_scales)
    for case_id in case_ids:
        case = read_case(store, case_id)
        of_scales = case.sampling.vessel_voxels
        if len(of_scales) > n_scales:
            raise ValueError(
                f"case {case_id}: scales.npy holds the label {len(of_scales)}, but there are {n_scales} scales; "
                "run preprocess.py --verify, it makes the case anew"
            )
        of_labels = (math.prod(case.known.shape) - sum(of_scales), *of_scales)
        for label, voxels in enumerate(of_labels):
            counts[label] += voxels
    return counts


def _collate(samples: list[Sample]) -> Batch:
    return {
        "image": torch.stack([sample.image for sample in samples]),
        "scale_map": torch.stack([sample.scale_map for sample in samples]),
        "tubed_skeleton": torch.stack([sample.tubed_skeleton for sample in samples]),
        "spacing_mm": torch.stack([sample.spacing_mm for sample in samples]),
        "case_ids": [sample.case_id for sample in samples],
    }


def _sample_shapes(
    shapes: dict[str, tuple[int, ...]], loading: LoadingSettings, size_multiple: int
) -> dict[str, tuple[int, ...]]:
    """Voxels of each case's samples."""
    patch = loading.patch_size
    if patch is not None:
        ndims = {len(shape) for shape in shapes.values()}
        if ndims != {len(patch)}:
            raise ValueError(f"loading.patch_size: {patch} has {len(patch)} axes, the cases have {min(ndims)}")
        if any(n < 1 or n % size_multiple for n in patch):
            raise ValueError(
                f"loading.patch_size: {patch}: each axis must be a multiple of {size_multiple} for this network"
            )
        return dict.fromkeys(shapes, patch)
    rounded = {
        case_id: tuple(-(-n // size_multiple) * size_multiple for n in shape) for case_id, shape in shapes.items()
    }
    if loading.batch_size > 1 and len(set(rounded.values())) > 1:
        smallest, largest = min(rounded.values()), max(rounded.values())
        raise ValueError(
            f"the cases differ in shape ({smallest} … {largest}), so whole volumes cannot share a batch: "
            "set loading.patch_size, loading.batch_size 1, or preprocess to one size"
        )
    return rounded
