"""Two vascular systems in one mask, taken apart by ramify.analysis: how much of their length is in the right tree.

    python -m benchmarks.two_systems --phantoms 8
    python -m benchmarks.two_systems --phantoms 0 --portal MASKS_DICOM/portalvein --hepatic MASKS_DICOM/venoussystem

The trees of each phantom are grown without a distance between their walls, and made one mask, in which they touch. Of a
patient both are drawn, and made one mask, too. A row a mask: contacts that were cut, and the share of the centrelines'
length that runs in the tree whose system it was given, with the roots told and with the roots found. Found systems have
no names: they are taken as they fit better. It ends with the means over the phantoms.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from benchmarks.analysed_trees import root_of
from ramify.analysis import AnalysisSettings, VesselTree, analyse
from ramify.command_line import parse, run
from ramify.data.labelled_file import LabelledFile
from ramify.data.volume import Volume
from ramify.phantoms import PhantomSettings, TreeSettings, grow_phantom
from ramify.phantoms.phantom import HEPATIC, PORTAL

SYSTEMS = ("portal", "hepatic")


class TwoSystemsCommand(BaseModel, frozen=True, extra="forbid"):
    """Which masks are taken apart."""

    phantoms: int = Field(default=8, ge=0)
    """How many phantoms."""
    first_seed: int = Field(default=100, ge=0)
    """Seed of the first one; the next ones follow."""
    voxels: int = Field(default=128, ge=32)
    """Voxels along each side of a phantom of 128 mm."""
    clearance_mm: float = Field(default=0.0, ge=0)
    """Least distance between the walls of its two trees."""
    portal: Path | None = None
    """Mask of a patient's portal vein: a file or a DICOM folder."""
    hepatic: Path | None = None
    """Mask of the hepatic veins, on the same grid."""
    organ: Path | None = None
    """The patient's liver: take apart what of both lies inside it, too."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> "TwoSystemsCommand":
        if (self.portal is None) != (self.hepatic is None):
            raise ValueError("--portal and --hepatic: are the two systems of one patient; give both or neither")
        return self


class Pair(NamedTuple):
    """Two systems on one grid. masks: bool (*S) each. roots: x,y,z in mm, in the order of the masks."""

    name: str
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    place: Volume
    roots: tuple[str, str]


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(TwoSystemsCommand, __doc__, argv)
    print("| mask | branches | contacts | right, roots told | right, roots found |\n| --- | --- | --- | --- | --- |")
    shares = []
    for pair in pairs(command):
        told, found = (taken_apart(pair, roots) for roots in (pair.roots, ()))
        share = right_share(told, pair.masks), best_share(found, pair.masks)
        shares += [share] if pair.name.startswith("phantom") else []
        contacts = sum(bool(row["other_system"]) for row in told.cycles)
        print(f"| {pair.name} | {told.paths.n_branches} | {contacts} | {share[0]:.3f} | {share[1]:.3f} |")
    if shares:
        mean = np.mean(shares, axis=0)
        print(f"| mean of phantoms | | | {mean[0]:.3f} | {mean[1]:.3f} |")


def pairs(command: TwoSystemsCommand) -> Iterator[Pair]:
    """The masks that are asked for."""
    for seed in range(command.first_seed, command.first_seed + command.phantoms):
        yield phantom(seed, command.voxels, command.clearance_mm)
    if command.portal is not None and command.hepatic is not None:
        yield patient(command.portal, command.hepatic)
        if command.organ is not None:
            yield patient(command.portal, command.hepatic, command.organ)


def phantom(seed: int, voxels: int, clearance_mm: float) -> Pair:
    """The two trees of a phantom, with the places where they were begun."""
    side = 128 / voxels
    trees = TreeSettings(clearance_mm=clearance_mm)
    grown = grow_phantom(PhantomSettings(size=(voxels,) * 3, spacing_mm=(side,) * 3, trees=trees), seed)
    roots = [root_of(grown.graph.tree(name), side) for name in (PORTAL, HEPATIC)]
    portal, hepatic = grown.structures[PORTAL], grown.structures[HEPATIC]
    return Pair(f"phantom {seed}", (portal, hepatic), Volume(portal, grown.spacing_mm), (roots[0], roots[1]))


def patient(portal: Path, hepatic: Path, organ: Path | None = None) -> Pair:
    """The two systems of a patient, or what of them lies in an organ; each root is that found of it by itself."""
    volumes = [LabelledFile(path).mask(None, "vessels", "--portal") for path in (portal, hepatic)]
    if organ is not None:
        inside = LabelledFile(organ).mask(None, "organ", "--organ").array
        volumes = [volume.with_array(volume.array & inside) for volume in volumes]
    roots = []
    for volume in volumes:
        tree = analyse(volume.array, volume.spacing_mm, place=volume)
        (row,) = [row for row in tree.node_rows if row["kind"] == "root" and row["tree"] == 1]
        roots.append(",".join(f"{row[f'{axis}_mm']:.3f}" for axis in "xyz"))
    name = "patient" if organ is None else "patient, cut to the organ"
    return Pair(name, (volumes[0].array, volumes[1].array), volumes[0], (roots[0], roots[1]))


def taken_apart(pair: Pair, roots: Sequence[str]) -> VesselTree:
    """Both systems as one mask, analysed as two."""
    settings = AnalysisSettings(systems=SYSTEMS, root=tuple(roots))
    return analyse(pair.masks[0] | pair.masks[1], pair.place.spacing_mm, settings, place=pair.place)


def right_share(tree: VesselTree, masks: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> float:
    """Share of the centrelines' length in the mask of the system that it was given."""
    curves = tree.paths.curves
    system = np.repeat(tree.growth.system, np.diff(curves.starts))
    inside = np.stack([mask[tuple(curves.voxels.T)] for mask in masks])[system, np.arange(len(system))]
    return float((curves.shares_mm * inside).sum() / curves.length_mm)


def best_share(tree: VesselTree, masks: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> float:
    """`right_share` with the systems in the order that fits better."""
    return max(right_share(tree, masks), right_share(tree, (masks[1], masks[0])))


if __name__ == "__main__":
    run(main)
