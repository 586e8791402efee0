"""A report on phantoms, to see what one looks like: masks, and predictions spoilt in ways that are known.

    python -m benchmarks.report_example --output output/report_example

writes the folders truth and prediction there, and prints how evaluate.py makes the report of them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy import ndimage

from ramify.command_line import parse, run
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.disk.outputs import Outputs
from ramify.phantoms.phantom import grow_phantom
from ramify.phantoms.settings import PhantomSettings, TreeSettings
from ramify.vessels.scales import decompose_scales

Mask = NDArray[np.bool_]
Spoil = Callable[[Mask, tuple[float, ...], np.random.Generator], Mask]


def without_small_vessels(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """Two of five branches of the smallest scale are missed."""
    decomposition = decompose_scales(mask, spacing_mm)
    small = np.unique(decomposition.branches[decomposition.scale_map == 1])
    return mask & ~np.isin(decomposition.branches, rng.choice(small, len(small) * 2 // 5, replace=False))


def with_gaps(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """Vessels are cut at random places on their centrelines."""
    skeleton = np.argwhere(decompose_scales(mask, spacing_mm).skeleton)
    chosen = np.zeros(mask.shape, dtype=bool)
    chosen[tuple(skeleton[rng.choice(len(skeleton), max(4, len(skeleton) // 40), replace=False)].T)] = True
    cut: Mask = mask & (ndimage.distance_transform_edt(~chosen, sampling=spacing_mm) > 5.0)
    return cut


def dilated(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """The wall lies a millimetre and a half too far out."""
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= 1.5)


def thinned(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """A layer of the wall is missed wherever something is left beneath it."""
    core = ndimage.distance_transform_edt(mask, sampling=spacing_mm) > min(spacing_mm)
    skeleton = decompose_scales(mask, spacing_mm).skeleton
    left: Mask = core | skeleton
    return left


def with_false_vessels(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """Part of a mirrored tree is taken for vessels, and a few small ones are missed."""
    ghost = mask[..., ::-1] & ~mask
    near = ndimage.gaussian_filter(rng.normal(size=mask.shape), 9) > 0.012
    spoilt: Mask = without_small_vessels(mask, spacing_mm, rng) | (ghost & near)
    return spoilt


def without_a_side(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """One side of the volume was not looked at."""
    kept = mask.copy()
    kept[..., mask.shape[-1] * 6 // 10 :] = False
    return kept


def nothing(mask: Mask, spacing_mm: tuple[float, ...], rng: np.random.Generator) -> Mask:
    """No vessel is found at all."""
    return np.zeros_like(mask)


SPOILS: dict[str, Spoil] = {
    "small_missed": without_small_vessels,
    "gaps": with_gaps,
    "dilated": dilated,
    "thinned": thinned,
    "false_vessels": with_false_vessels,
    "half_missed": without_a_side,
    "nothing_found": nothing,
}


KINDS = ("truth", "prediction")


def file_names() -> list[str]:
    """Names of the masks, in each of the folders."""
    return [f"phantom_{number}_{name}.nii.gz" for number, name in enumerate(SPOILS, start=1)]


def write_example(folder: Path, size: int, terminals: int) -> None:
    """Write a pair of masks for each way of spoiling, each of a phantom of its own, on oblique grids."""
    settings = PhantomSettings(
        size=(size, size, size), spacing_mm=(1.5, 1.25, 1.25), trees=TreeSettings(terminals=terminals)
    )
    turn = np.deg2rad(8)
    direction = (
        (np.cos(turn), -np.sin(turn), 0.0),
        (np.sin(turn), np.cos(turn), 0.0),
        (0.0, 0.0, 1.0),
    )
    for seed, spoil in enumerate(SPOILS.values()):
        phantom = grow_phantom(settings, seed)
        spoilt = spoil(phantom.vessels, phantom.spacing_mm, np.random.default_rng(seed))
        for kind, mask in zip(KINDS, (phantom.vessels, spoilt)):
            volume = Volume(mask, phantom.spacing_mm, (-120.0, -80.0, 20.0), direction)
            write_volume(folder / kind / file_names()[seed], volume)


class ReportExampleCommand(BaseModel, frozen=True, extra="forbid"):
    """Where the masks go, and of what phantoms they are."""

    output: Path
    """Folder for truth and prediction."""
    size: int = Field(112, ge=32)
    """Voxels along each axis."""
    terminals: int = Field(60, ge=2)
    """Vessel ends of each of the two trees."""
    replace: bool = False
    """Keep what is in the way as NAME.backup-1."""


def main(argv: Sequence[str] | None = None) -> None:
    """Write the masks and say what to do with them."""
    command = parse(ReportExampleCommand, "Phantom masks with spoilt predictions, to see a report of.", argv)
    names = [f"{kind}/{name}" for kind in KINDS for name in file_names()]
    Outputs(replace=command.replace).claim_folder(command.output, "example", names)
    write_example(command.output, command.size, command.terminals)
    folder = command.output
    print(
        f"python evaluate.py --prediction {folder}/prediction --truth {folder}/truth --output {folder}/scores "
        f"--report {folder}/report.html"
    )


if __name__ == "__main__":
    run(main)
