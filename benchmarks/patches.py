"""What a training patch costs where the whole case is looked through for it, and which scales patches are centred on.

    python -m benchmarks.patches [--size tiny|small|large] [--cases STORE] [--patch 64 64 64]

Time: a patch on a vessel of one case, cut by Ramify from the stored indices, and by a plain loader that looks for the
vessel voxels and the image's lowest value in the mapped arrays and copies a slice. Both are called in turn, and the
medians printed; the first patch of a process, which holds the case against its record, is told apart.

Centres: of the patches on vessels, how many are centred on each scale and how many show it, by voxels (the default) and
with `loading.scale_shares 1`; in the cases of a store, or else in phantoms, where patches are a quarter as long.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from benchmarks.cost import alternating_seconds
from benchmarks.liver_mask import SPACING_MM, make_mask
from ramify.command_line import parse, run
from ramify.data import DatasetSettings, open_dataset
from ramify.data.case_store import count_scales, list_cases, read_case, write_case
from ramify.data.loading import Sample, SampleKey, TrainingSamples
from ramify.data.loading_settings import LoadingSettings
from ramify.data.vessel_index import VESSEL_INDICES, draw_vessel_voxel
from ramify.preprocessing import GridSettings, PreprocessingSettings, prepare_case
from ramify.vessels.scales import decompose_scales


class PatchesBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    size: Literal["tiny", "small", "large"] = "large"
    """Of the case whose patches are timed: 200 x 512 x 512 voxels; small 128 x 256 x 256; tiny 32 x 64 x 64, which only
    shows that everything runs, with patches of 16 x 16 x 16."""
    patch: tuple[int, int, int] = (64, 64, 64)
    """Voxels of a patch, z y x."""
    rounds: int = Field(default=21, ge=1)
    """Patches cut in each way, whose median time counts."""
    draws: int = Field(default=600, ge=1)
    """Patches looked at for their centres, of all cases together."""
    cases: Path | None = None
    """Prepared cases whose patches are looked at; none makes four phantoms of 96 x 96 x 96 voxels."""
    seed: int = Field(default=0, ge=0)
    """Of the timed case and of the patches."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(PatchesBenchmark, "What a patch costs, and which scales patches are centred on.", argv)
    tiny = command.size == "tiny"
    patch = (16, 16, 16) if tiny else command.patch
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "timed"
        make_case(store, command)
        print_times(store, patch, command)

        cases = command.cases or make_phantoms(Path(name) / "phantoms", 1 if tiny else 4, 32 if tiny else 96)
        print_centres(cases, patch if command.cases else tuple(n // 4 for n in patch), command)


def print_times(store: Path, patch: tuple[int, ...], command: PatchesBenchmark) -> None:
    """The time of a look-up and of a whole patch, from stored indices and by a plain loader."""
    start = time.perf_counter()
    _ = samples_of(store, patch, command.seed)[SampleKey(0, 0, 0)]
    first = time.perf_counter() - start

    samples, random, folder = (
        samples_of(store, patch, command.seed),
        np.random.default_rng(command.seed),
        store / "case",
    )
    keys = iter(range(1, 1 + command.rounds))
    ways: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "a vessel voxel and the minimum": (lambda: stored_look(store, random), lambda: plain_look(folder, random)),
        "the patch": (lambda: samples[SampleKey(0, next(keys), 0)], lambda: plain_patch(folder, patch, random)),
    }
    shape = read_case(store, "case").known.shape
    print(f"a patch of {' x '.join(map(str, patch))} of {' x '.join(map(str, shape))} voxels")
    print(f"{'':32}{'looked for':>14}{'stored':>14}{'faster':>10}")
    for name, (stored, looked_for) in ways.items():
        seconds = alternating_seconds({"stored": stored, "looked for": looked_for}, command.rounds)
        ours, plain = (statistics.median(seconds[way]) for way in ("stored", "looked for"))
        print(f"{name:32}{1000 * plain:>11.2f} ms{1000 * ours:>11.2f} ms{plain / ours:>8.1f} x")
    print(f"{'the first patch of a process':32}{'':>14}{1000 * first:>11.2f} ms\n")


def stored_look(store: Path, random: np.random.Generator) -> tuple[int, tuple[float, ...] | None]:
    """A vessel voxel and the lowest intensity, as they were written."""
    case = read_case(store, "case")
    voxel = draw_vessel_voxel(case.arrays[VESSEL_INDICES], case.sampling.groups_of_voxels, None, random)
    return voxel, case.sampling.lowest_intensities


def plain_look(case: Path, random: np.random.Generator) -> tuple[int, float]:
    """A vessel voxel and the lowest intensity, by a loader that keeps nothing of a case."""
    image, scales = (np.load(case / f"{name}.npy", mmap_mode="r") for name in ("image", "scales"))
    vessels = np.flatnonzero(scales)
    return int(vessels[random.integers(len(vessels))]), float(image.min())


def plain_patch(case: Path, patch: tuple[int, ...], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The patch of image and labels on that voxel."""
    place, lowest = plain_look(case, random)
    image, scales = (np.load(case / f"{name}.npy", mmap_mode="r") for name in ("image", "scales"))
    start = [int(v) - n // 2 for v, n in zip(np.unravel_index(place, scales.shape), patch)]
    inside = tuple(slice(max(s, 0), s + n) for s, n in zip(start, patch))
    cut, labels = image[0][inside], scales[inside]
    around = [(max(-s, 0), n - max(-s, 0) - m) for s, n, m in zip(start, patch, cut.shape)]
    return np.pad(cut, around, constant_values=lowest), np.pad(labels, around)


def print_centres(cases: Path, patch: tuple[int, ...], command: PatchesBenchmark) -> None:
    """How many patches are centred on each scale, and how many show it."""
    names, n_scales = list_cases(cases), count_scales(cases)
    per_case = math.ceil(command.draws / len(names))
    voxels = np.zeros(n_scales)
    for name in names:
        counts = read_case(cases, name).sampling.vessel_voxels
        voxels[: len(counts)] += counts
    rows: dict[str, np.ndarray] = {"share of the vessel voxels": voxels / voxels.sum()}
    for way, shares in (("by voxels", None), ("by scale", (1.0,))):
        samples = samples_of(cases, patch, command.seed, scale_shares=shares)
        drawn = [samples[SampleKey(0, k, k % len(names))] for k in range(per_case * len(names))]
        rows[f"{way}: centred on it"] = np.mean([centred(sample, n_scales) for sample in drawn], axis=0)
        rows[f"{way}: show it"] = np.mean([shown(sample, n_scales) for sample in drawn], axis=0)
    print(f"{len(drawn)} patches on vessels of {' x '.join(map(str, patch))} voxels, {len(names)} cases")
    print(f"{'':32}" + "".join(f"{f'scale {scale}':>10}" for scale in range(1, 1 + n_scales)))
    for name, values in rows.items():
        print(f"{name:32}" + "".join(f"{value:>10.1%}" for value in values))


def samples_of(store: Path, patch: tuple[int, ...], seed: int, **loading: Any) -> TrainingSamples:
    """Patches on vessels as they lie."""
    settings = LoadingSettings(batch_size=1, patch_size=patch, vessel_patches=1.0, **loading)
    return TrainingSamples(store, list_cases(store), settings, None, 1, seed)


def centred(sample: Sample, n_scales: int) -> np.ndarray:
    """Which scale lies in the middle, (S,) of 0 and 1."""
    middle = int(sample.scale_map[tuple(n // 2 for n in sample.scale_map.shape)])
    return np.equal(np.arange(1, 1 + n_scales), middle)


def shown(sample: Sample, n_scales: int) -> np.ndarray:
    """Which scales are in the patch, (S,) of 0 and 1."""
    return np.isin(np.arange(1, 1 + n_scales), sample.scale_map.unique().numpy())


def make_case(store: Path, command: PatchesBenchmark) -> None:
    """A case as large as a CT, its image noise."""
    mask = make_mask(command.size, command.seed)
    decomposition = decompose_scales(mask, SPACING_MM)
    image = np.random.default_rng(command.seed).normal(size=mask.shape).astype(np.float32)
    arrays: dict[str, NDArray[Any]] = {
        "image": image[None],
        "scales": decomposition.scale_map,
        "tubed_skeleton": decomposition.skeleton.view(np.uint8),
    }
    thresholds = [float(value) for value in decomposition.thresholds_mm]
    record: dict[str, Any] = {
        "shape": list(mask.shape),
        "spacing_mm": list(SPACING_MM),
        "scales": {"thresholds_mm": thresholds},
    }
    store.mkdir()
    write_case(store, "case", arrays, record)


def make_phantoms(store: Path, count: int, size: int) -> Path:
    """A store of prepared phantoms, 192 mm a side."""
    phantoms: dict[str, Any] = {"cases": count, "size": (size,) * 3, "spacing_mm": (192 / size,) * 3}
    data = open_dataset(DatasetSettings.model_validate({"phantom": phantoms}))
    settings = PreprocessingSettings(grid=GridSettings(size=(size,) * 3))
    store.mkdir()
    for case_id in data.case_ids():
        write_case(store, case_id, *prepare_case(data.load(case_id), settings))
    return store


if __name__ == "__main__":
    run(main)
