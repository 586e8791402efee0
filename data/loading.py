"""From prepared cases to batches: which case, which window, which augmentation, all drawn from (seed, epoch, position).

A sample depends on nothing else, so that any number of loader workers, and a training that was killed and resumed,
see the same batches.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ramify.appearance.settings import AppearanceSettings
from ramify.data.augmentation import Window, apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.augmentations.swaps import swapped_classes
from ramify.data.case_store import Case, read_case
from ramify.data.loading_settings import LoadingSettings
from ramify.data.painted_windows import check_can_be_painted, painted, to_be_painted
from ramify.data.random_streams import Purpose, stream
from ramify.data.vessel_index import VESSEL_INDICES, draw_vessel_voxel
from ramify.data.windows import Centre, anywhere, in_the_middle, on_voxel
from ramify.processes.sheltered import heed_parent_alone, sheltering
from ramify.tasks.class_table import IGNORED
from ramify.tasks.members import VoxelCounts

_TRIES = 4


class Batch(TypedDict):
    """What the network is trained on.

    image: float32 (B, C, *S); scale_map: int64 label map (B, *S), 0 background, 1 … S; tubed_skeleton: bool (B, *S);
    spacing_mm: float32 (B, ndim), z, y, x; class_map: int64 (B, *S), 0 background, IGNORED where nobody knows, or None
    where vessels are the only class; case_ids: B names.
    """

    image: torch.Tensor
    scale_map: torch.Tensor
    tubed_skeleton: torch.Tensor
    spacing_mm: torch.Tensor
    class_map: torch.Tensor | None
    case_ids: list[str]


class Sample(NamedTuple):
    """One member of a batch, its fields as there but without B."""

    image: torch.Tensor
    scale_map: torch.Tensor
    tubed_skeleton: torch.Tensor
    spacing_mm: torch.Tensor
    class_map: torch.Tensor | None
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
        size_multiple: every axis of a sample is a multiple of it (the network's down-samplings), or each of its own.
        seed: of the whole training.
        appearance: paint the image of each sample anew, of the tissues that the cases hold; None takes their images.

    Raises:
        ValueError: whole volumes of different shapes in batches of more than one, a patch size that does not fit, cases
            with different classes, settings that name a class they have not, or no tissues to paint.
    """

    def __init__(
        self,
        store: Path,
        case_ids: Sequence[str],
        loading: LoadingSettings,
        augmentation: AugmentationSettings | None,
        size_multiple: int | Sequence[int],
        seed: int,
        appearance: AppearanceSettings | None = None,
    ) -> None:
        self.store, self.case_ids, self.loading = store, list(case_ids), loading
        self.augmentation, self.seed = augmentation, seed
        self.appearance = appearance
        cases = [read_case(store, case_id) for case_id in case_ids]
        if appearance is not None:
            for case in cases:
                check_can_be_painted(case)
        shapes = {case.case_id: case.known.shape for case in cases}
        each = (size_multiple,) * len(cases[0].known.shape) if isinstance(size_multiple, int) else size_multiple
        self.sample_shapes = loading.sample_shapes(shapes, each)
        # Asked of every case, so that one of an earlier version is refused here and not in a loader process.
        n_scales = max(max(case.known.n_scales, len(case.sampling.vessel_voxels)) for case in cases)
        self._scale_shares = loading.shares_of_scales(n_scales)
        table = self._table = cases[0].known.classes
        for case in cases[1:]:
            if case.known.classes != table:
                raise ValueError(
                    f"cases {cases[0].case_id} and {case.case_id} have different classes; run preprocess.py again, or "
                    "keep them in stores of their own"
                )
        self._class_shares = loading.shares_of_classes(table)
        self._swapped = swapped_classes(augmentation.flip_swaps, table) if augmentation else None

    def __len__(self) -> int:
        return len(self.case_ids)

    def __getitem__(self, key: SampleKey) -> Sample:
        case = read_case(self.store, self.case_ids[key.case])
        random = stream(self.seed, Purpose.SAMPLE, key.epoch, key.position)
        drawn = self._draw(case, random)
        window = self._window(case, drawn, random)
        if self.appearance is not None:
            window = painted(window, self.appearance, case, drawn.grey_changes, random)
        classes = window.class_map
        return Sample(
            torch.from_numpy(window.image),
            torch.from_numpy(window.labels.astype(np.int64)),
            torch.from_numpy(window.tube.view(bool)),
            torch.tensor(spacing_of(case), dtype=torch.float32),
            None if classes is None else torch.from_numpy(classes.astype(np.int64)),
            case.case_id,
        )

    def _window(self, case: Case, drawn: Augmentation, random: np.random.Generator) -> Window:
        """What a sample sees, moved and changed as drawn: on a vessel if it is there for one, and not of unknown voxels
        alone if another try can help it."""
        for _ in range(_TRIES):
            on_vessel, centre = self._place(case, random)
            moved = drawn.within(case.known.shape, centre, spacing_of(case))
            window = self._cut(case, moved, centre)
            for gentler in (moved.in_place(), moved.as_it_lies()):
                if on_vessel and not _shows_something(window):
                    # What it is there for lay at the edge of what is seen, and was shifted or turned out of it.
                    window = self._cut(case, gentler, centre)
            if self.loading.patch_size is None or window.class_map is None or (window.class_map != IGNORED).any():
                break
        return window

    def _draw(self, case: Case, random: np.random.Generator) -> Augmentation:
        """How a sample is moved and changed."""
        ndim = len(case.known.shape)
        if not self.augmentation:
            return Augmentation.identity(ndim)
        seen = np.minimum(self.sample_shapes[case.case_id], case.known.shape)
        seen_mm = seen * np.asarray(spacing_of(case))
        return draw_augmentation(self.augmentation, ndim, random, seen_mm, channels=len(case.known.channels))

    def _place(self, case: Case, random: np.random.Generator) -> tuple[bool, Centre]:
        """Whether a sample has to show a vessel, and where its window lies."""
        shape, window, groups = case.known.shape, self.sample_shapes[case.case_id], case.sampling.groups_of_voxels
        wanted = self._class_shares or {}
        has_some = any(group.scale or wanted.get(group.number, 0) > 0 for group in groups)
        if self.loading.patch_size is None:
            return has_some, in_the_middle(shape, window)
        if random.random() < self.loading.vessel_patches and has_some:
            indices = case.arrays[VESSEL_INDICES]
            place = draw_vessel_voxel(indices, groups, self._scale_shares, random, self._class_shares)
            return True, on_voxel([int(index) for index in np.unravel_index(place, shape)], window)
        return False, anywhere(shape, window, random)

    def _cut(self, case: Case, drawn: Augmentation, centre: Centre) -> Window:
        """The window of all arrays; where some voxels are unknown, those outside the volume are, too."""
        scale_map, tube = (np.asarray(case.arrays[name]) for name in ("scales", "tubed_skeleton"))
        where: dict[str, Any] = {"output_shape": self.sample_shapes[case.case_id], "centre": centre}
        if self.appearance is not None:
            return to_be_painted(case, drawn, scale_map, tube, where)
        image = np.asarray(case.arrays["image"])
        where["lowest"] = case.sampling.lowest_intensities
        if case.class_map is not None:
            where |= {"class_map": np.asarray(case.class_map), "swapped": self._swapped}
            where["outside_class"] = 0 if self._table.ignore is None else IGNORED
        return apply_augmentation(drawn, image, scale_map, tube, spacing_of(case), **where)


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


def _shows_something(window: Window) -> bool:
    """Whether a voxel of it is of a vessel or another class."""
    return bool(window.labels.any() or (window.class_map is not None and (window.class_map % IGNORED).any()))


def _as_helper(_: int) -> None:
    heed_parent_alone()


def spacing_of(case: Case) -> tuple[float, ...]:
    """Voxel size of a prepared case, mm, z, y, x."""
    return tuple(case.record["spacing_mm"])


def label_voxels(store: Path, case_ids: Sequence[str], n_scales: int) -> VoxelCounts:
    """How many voxels each class and scale has over some cases; those that nobody labelled are not counted."""
    counts = Counter({(0, 0): 0})
    for case_id in case_ids:
        case = read_case(store, case_id)
        of_scales = case.sampling.vessel_voxels
        if len(of_scales) > n_scales:
            raise ValueError(
                f"case {case_id}: scales.npy holds the label {len(of_scales)}, but there are {n_scales} scales; "
                "run preprocess.py --verify, it makes the case anew"
            )
        labelled = {(group.number, group.scale): group.voxels for group in case.sampling.groups}
        background = math.prod(case.known.shape) - sum(labelled.values()) - case.sampling.ignored_voxels
        counts.update({(0, 0): background, **labelled})
    return counts


def _collate(samples: list[Sample]) -> Batch:
    classes = [sample.class_map for sample in samples if sample.class_map is not None]
    return {
        "image": torch.stack([sample.image for sample in samples]),
        "scale_map": torch.stack([sample.scale_map for sample in samples]),
        "tubed_skeleton": torch.stack([sample.tubed_skeleton for sample in samples]),
        "spacing_mm": torch.stack([sample.spacing_mm for sample in samples]),
        "class_map": torch.stack(classes) if classes else None,
        "case_ids": [sample.case_id for sample in samples],
    }
