"""What the labels of prepared cases mean on real patients: decomposed whole and cut then, against cut and decomposed.

    python -m benchmarks.preparation_meaning --data FOLDER

FOLDER holds `ircadb/` (3D-IRCADb-01, case 17 among it) and `ircadb_masks/` (N_vessel.nii.gz, N_liver.nii.gz). `before`
is the plain way, done here beside today's: vessels cut to the liver and resampled, and only then decomposed. Nothing in
a row rests on which branch a voxel was given: a rim is told by a ball that fits the vessels as they were drawn.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy import ndimage
from scipy.spatial import cKDTree

from ramify.command_line import parse, run
from ramify.console.progress import say
from ramify.data.adapters.form_settings import IrcadbSettings
from ramify.data.adapters.ircadb import IrcadbAdapter
from ramify.data.files import read_mask
from ramify.data.volume import Volume
from ramify.metrics.case import evaluate_case
from ramify.preprocessing.ceiling import ceiling_measures, measure_ceiling
from ramify.preprocessing.drawn_vessels import analyse_drawn
from ramify.preprocessing.grid import Grid, plan_grid
from ramify.preprocessing.settings import GridSettings
from ramify.preprocessing.vessel_labels import label_vessels
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales

Mask = NDArray[np.bool_]
ScaleMap = NDArray[np.uint8]

GRID = GridSettings(size=(128, 256, 256), margin_mm=0)
"""The paper's: the liver's box stretched to 256 x 256 x 128."""


class MeaningBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure on."""

    data: Path
    """Folder with `ircadb/` and `ircadb_masks/`."""


class Row(NamedTuple):
    """One figure: what it is, cut first and decomposed then, decomposed whole, and what it should be.

    before: None for what nobody was told.
    """

    name: str
    before: float | None
    after: float
    aim: str


class Patient(NamedTuple):
    """Vessels as they were drawn, and the liver, bool (*S), on a grid whose axes are the patient's."""

    vessels: Mask
    liver: Mask
    spacing_mm: tuple[float, ...]

    @property
    def grid(self) -> Grid:
        """The paper's grid."""
        liver = Volume(self.liver, self.spacing_mm)
        return plan_grid(liver, liver, GRID)


class Labels(NamedTuple):
    """A patient's scales on both grids: the truth of an evaluation, and what a training learns."""

    native: ScaleDecomposition
    prepared: ScaleMap


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(MeaningBenchmark, "What the labels of prepared cases mean on real patients.", argv)
    print(f"{'':62}{'before':>9}{'after':>9}   aim")
    for row in [*rows_of_case_17(command.data / "ircadb"), *rows_of_masks(command.data / "ircadb_masks")]:
        before = "-" if row.before is None else f"{row.before:.3f}"
        print(f"{row.name:62}{before:>9}{row.after:>9.3f}   {row.aim}", flush=True)


def rows_of_case_17(root: Path) -> list[Row]:
    """Rims of the vena cava among the small voxels of 3D-IRCADb 17, and what it costs to lack them."""
    patient = read_case_17(root)
    before, after = cut_first(patient), decomposed_whole(patient)
    wide = wide_vessels(patient, after.native.thresholds_mm[-1])
    there = patient.grid.mask_to_prepared(wide)
    inside = after.native.scale_map * patient.liver
    rims, alike = "case 17, rims among small voxels, ", "case 17, small voxels alike in training and evaluation"
    return [
        Row(f"{rims}native", share(wide, before.native.scale_map), share(wide, inside), "<= .02"),
        Row(f"{rims}prepared", share(there, before.prepared), share(there, after.prepared), "<= .02"),
        Row(alike, agreement(patient, before), agreement(patient, after), ">= .95"),
        *rows_without(wide & (before.native.scale_map == 1), patient),
    ]


def rows_without(rims: Mask, patient: Patient) -> list[Row]:
    """What a prediction scores that lacks nothing but the rims: cut before it is analysed, and analysed whole."""
    prediction, truth = patient.vessels & patient.liver & ~rims, patient.vessels
    before = evaluate_case(prediction, truth & patient.liver, patient.spacing_mm)
    after = evaluate_case(prediction, truth, patient.spacing_mm, region=patient.liver)
    aims = {"dice": "1", "cldice": "1", "scale_1_tsens": "1", "betti0_error": "0"}
    return [
        Row(f"case 17, a prediction without those rims: {name}", before[name] or 0.0, after[name] or 0.0, aim)
        for name, aim in aims.items()
    ]


def rows_of_masks(folder: Path) -> list[Row]:
    """How many small voxels are alike in training and evaluation, and what the grid costs, on ten masks."""
    alike, ceilings = [], []
    for number in range(1, 11):
        patient = read_mask_and_liver(folder, number)
        before, after = cut_first(patient), decomposed_whole(patient)
        alike.append((agreement(patient, before), agreement(patient, after)))
        drawn = analyse_drawn(patient.vessels, patient.liver, patient.grid, ScaleSettings())
        ceiling = measure_ceiling(after.prepared > 0, drawn, patient.grid, ScaleSettings())
        ceilings.append([np.nan if ceiling[name] is None else ceiling[name] for name in ceiling_measures(3)])
        told = np.array(ceilings[-1], dtype=np.float64).round(3)
        say(f"mask {number}: alike {alike[-1][0]:.3f}, {alike[-1][1]:.3f}; ceiling {told}", error=True)
    words = "ten masks, small voxels alike in training and evaluation, "
    median, least = np.median(alike, axis=0).tolist(), np.min(alike, axis=0).tolist()
    rows = [Row(words + name, both[0], both[1], ">= .95") for name, both in (("median", median), ("least", least))]
    means = np.nanmean(np.array(ceilings, dtype=np.float64), axis=0)
    told_of = "ten masks, a perfect mask on the paper's grid: "
    return rows + [
        Row(told_of + name, None, float(mean), "is told") for name, mean in zip(ceiling_measures(3), means, strict=True)
    ]


def read_case_17(root: Path) -> Patient:
    """Portal and hepatic veins of 3D-IRCADb 17, also outside the liver."""
    raw = IrcadbAdapter(root, IrcadbSettings()).load("3Dircadb1.17")
    assert raw.organ is not None, "3D-IRCADb has livers"
    return Patient(raw.vessels.array, raw.organ.array, raw.image.spacing_mm)


def read_mask_and_liver(folder: Path, number: int) -> Patient:
    """One of the ten masks; some vessel files say that they lie elsewhere than their liver, and do not."""
    vessels, liver = (read_mask(folder / f"3Dircadb-{number}_{name}.nii.gz") for name in ("vessel", "liver"))
    return Patient(vessels.array, liver.array, vessels.spacing_mm)


def decomposed_whole(patient: Patient) -> Labels:
    """As preparation and evaluation have it."""
    grid, scales = patient.grid, ScaleSettings()
    drawn = analyse_drawn(patient.vessels, patient.liver, grid, scales)
    labels = label_vessels(patient.vessels, drawn, grid.mask_to_prepared(patient.liver), grid, scales, tube_radius=2)
    native = decompose_scales(patient.vessels, patient.spacing_mm, region=patient.liver)
    return Labels(native, labels.scale_map)


def cut_first(patient: Patient) -> Labels:
    """Cut to the liver, brought onto the grid, and decomposed on each grid for itself."""
    cut, grid = patient.vessels & patient.liver, patient.grid
    native = decompose_scales(cut, patient.spacing_mm)
    return Labels(native, decompose_scales(grid.mask_to_prepared(cut), grid.spacing_mm).scale_map)


def wide_vessels(patient: Patient, radius_mm: float) -> Mask:
    """Where a ball wider than that fits the vessels as they were drawn, bool (*S)."""
    # Around the vessels alone, with a voxel of what is none on every side: nothing nearer lies beyond it.
    (box,) = ndimage.find_objects(patient.vessels.astype(np.uint8))
    around = tuple(slice(max(one.start - 1, 0), one.stop + 1) for one in box)
    depth = np.zeros(patient.vessels.shape)
    depth[around] = ndimage.distance_transform_edt(patient.vessels[around], patient.spacing_mm)
    middles = np.argwhere(depth > radius_mm)
    voxels = np.argwhere(patient.vessels & patient.liver)
    wide = np.zeros(patient.vessels.shape, dtype=bool)
    tree = cKDTree(voxels * patient.spacing_mm)
    found = tree.query_ball_point(middles * patient.spacing_mm, depth[tuple(middles.T)] - 1e-6)
    inside = np.unique(np.concatenate([np.asarray(one, dtype=np.int64) for one in found]))
    wide[tuple(voxels[inside].T)] = True
    return wide


def share(wide: Mask, scale_map: ScaleMap) -> float:
    """Of the small voxels, the share that lies in a wide vessel."""
    return float(np.mean(wide[scale_map == 1]))


def agreement(patient: Patient, labels: Labels) -> float:
    """Of the voxels in the liver that are vessel on both grids and small on either, the share that is small on both.

    A native voxel is on the prepared grid what the voxel there is in which its centre lies.
    """
    grid, voxels = patient.grid, np.argwhere(patient.vessels & patient.liver)
    start, stop = (np.array(box, dtype=np.float64) for box in (grid.crop_start, grid.crop_stop))
    factor = np.array(grid.shape, dtype=np.float64) / (stop - start)
    index = ((voxels + 0.5 - start) * factor).astype(np.int64)
    prepared, native = labels.prepared[tuple(index.T)], labels.native.scale_map[tuple(voxels.T)]
    small, other = ((one == 1)[(prepared > 0) & (native > 0)] for one in (prepared, native))
    return float(np.mean((small & other)[small | other]))


if __name__ == "__main__":
    run(main)
