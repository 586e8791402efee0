"""From prepared cases to batches: which case, which window, which augmentation, all drawn from (seed, epoch, position).

A sample depends on nothing else, so that any number of loader workers, and a training that was killed and resumed,
see the same batches.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch.utils.data import DataLoader, Dataset, Sampler

from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_facts import CaseFacts
from ramify.data.case_store import Case, read_case
from ramify.data.random_streams import Purpose, stream
from ramify.processes.sheltered import heed_parent_alone, sheltering


class LoadingSettings(BaseModel, frozen=True, extra="forbid"):
    """How prepared cases become batches."""

    batch_size: int = Field(2, ge=1)
    """Samples a batch, of all processes together."""
    patch_size: tuple[int, ...] | None = None
    """Voxels (z y x) of the window cut from a case; none takes the whole volume, as the paper does."""
    vessel_patches: float = Field(0.5, ge=0, le=1)
    """Share of patches centred on a vessel voxel; the others lie anywhere."""
    samples_per_epoch: int | None = Field(None, ge=1)
    """Samples an epoch; none takes each training case once."""
    workers: int | None = Field(None, ge=0)
    """Loader processes; none chooses by the machine and the device."""


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
        self._facts: dict[str, CaseFacts] = {}
        shapes = {case_id: read_case(store, case_id).arrays["image"].shape for case_id in case_ids}
        self.sample_shapes = _sample_shapes(shapes, loading, size_multiple)

    def __len__(self) -> int:
        return len(self.case_ids)

    def __getitem__(self, key: SampleKey) -> Sample:
        case = read_case(self.store, self.case_ids[key.case])
        image, scale_map = np.asarray(case.arrays["image"]), np.asarray(case.arrays["scales"])
        facts = self._facts.get(case.case_id) or self._facts.setdefault(case.case_id, CaseFacts(scale_map))
        window, spacing_mm = self.sample_shapes[case.case_id], spacing_of(case)
        random = stream(self.seed, Purpose.SAMPLE, key.epoch, key.position)
        drawn = Augmentation.identity(image.ndim)
        if self.augmentation:
            seen_mm = np.minimum(window, image.shape) * np.asarray(spacing_mm)
            drawn = draw_augmentation(self.augmentation, image.ndim, random, seen_mm)
        on_vessel, centre = self._place(facts, scale_map, window, random)
        arrays = image, scale_map, np.asarray(case.arrays["tubed_skeleton"])
        options: dict[str, Any] = {"output_shape": window, "centre": centre, "outside": lambda: facts.lowest(image)}
        sampled = apply_augmentation(drawn, *arrays, spacing_mm, **options)
        if on_vessel and drawn.translation_mm.any() and not sampled[1].any():
            # The vessel that the sample is there for lay at the edge of what is seen, and was moved out of it.
            sampled = apply_augmentation(drawn.in_place(), *arrays, spacing_mm, **options)
        window_image, window_scale_map, window_tube = sampled
        return Sample(
            torch.from_numpy(window_image)[None],
            torch.from_numpy(window_scale_map.astype(np.int64)),
            torch.from_numpy(window_tube.view(bool)),
            torch.tensor(spacing_mm, dtype=torch.float32),
            case.case_id,
        )

    def _centre(self, scale_map: np.ndarray, window: tuple[int, ...], random: np.random.Generator) -> tuple[float, ...]:
        """Voxel coordinates of the window's centre in a label map: the volume's, or a random patch's."""
        return self._place(CaseFacts(scale_map), scale_map, window, random)[1]

    def _place(
        self, facts: CaseFacts, scale_map: np.ndarray, window: tuple[int, ...], random: np.random.Generator
    ) -> tuple[bool, tuple[float, ...]]:
        """Whether a sample has to show a vessel, and voxel coordinates of its window's centre.

        Window voxels fall on volume voxels: a sample that is not turned is not interpolated either, so the network
        learns from the noise and the sharpness that it will see at prediction.
        """
        middle = (np.array(window) - 1) / 2
        spare = np.array(scale_map.shape) - np.array(window)
        if self.loading.patch_size is None:
            return facts.vessel_voxels > 0, _coordinates(np.rint(spare / 2) + middle)
        if random.random() < self.loading.vessel_patches and facts.vessel_voxels:
            voxel = np.array(facts.vessel_voxel(int(random.integers(facts.vessel_voxels)), scale_map))
            return True, _coordinates(np.rint(voxel - middle) + middle)
        # Patches that lie anywhere stay inside a volume that is large enough, each place as likely as another.
        start = np.where(spare > 0, random.integers(np.maximum(spare, 0) + 1), np.rint(spare / 2))
        return False, _coordinates(start + middle)


def _coordinates(centre: np.ndarray) -> tuple[float, ...]:
    return tuple(float(c) for c in centre)


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
    counts = np.zeros(1 + n_scales, dtype=np.int64)
    for case_id in case_ids:
        of_case = np.bincount(read_case(store, case_id).arrays["scales"].ravel(), minlength=1 + n_scales)
        if len(of_case) > 1 + n_scales:
            raise ValueError(
                f"case {case_id}: scales.npy holds the label {len(of_case) - 1}, but there are {n_scales} scales; "
                "run preprocess.py --verify, it makes the case anew"
            )
        counts += of_case
    return counts.tolist()


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
