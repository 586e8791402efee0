"""The files of a case, read and brought onto one grid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.whole_numbers import as_mask
from ramify.data.label_names import ANY
from ramify.data.labelled_file import Choice, LabelledFile
from ramify.data.mask_of_case import only_file
from ramify.data.organ_labels import organ_mask
from ramify.data.union_grid import on_union_grid
from ramify.data.unplaced import check_can_be_moved, laid_on, notes_on_size
from ramify.data.volume import Volume, check_same_geometry
from ramify.evaluation.jobs import Job
from ramify.evaluation.settings import EvaluateCommand
from ramify.metrics.class_scores import counted
from ramify.preprocessing.plausibility import doubts_about_spacing, doubts_about_vessels

_EACH = " (or compare each with --classes)"


class CaseMasks(NamedTuple):
    """What is compared, on one grid.

    prediction, truth: bool (*S), or of classes label maps, int32 (*S).
    region: bool (*S), what counts: the organ without what nobody labelled; None for all there is.
    place: the truth's volume, which says where the grid lies. notes: what must be known beside the scores.
    """

    prediction: NDArray[Any]
    truth: NDArray[Any]
    region: NDArray[np.bool_] | None
    place: Volume
    notes: tuple[str, ...]


def read_masks(job: Job) -> CaseMasks:
    """Read the masks of a case and check that they lie on one grid, or bring them onto one if that is asked for.

    Raises ValueError or OSError that names the file or role: missing, twice, damaged, another grid, an empty organ.
    """
    command = job.command
    paths = {
        role: only_file(files, role, job.case_id, getattr(command, role), getattr(command, f"{role}_suffix"))
        for role, files in job.files.items()
    }
    names = {role: str(path) for role, path in paths.items()}
    volumes = _placed({role: _read(role, path, job) for role, path in paths.items()}, names, command.resample_masks)
    notes = [f"{role}: {note}" for role, volume in volumes.items() for note in volume.notes]

    if command.resample_masks:
        volumes, told = on_union_grid(volumes, "truth", names)
        notes += told
    place = volumes["truth"]
    for role, volume in volumes.items():
        check_same_geometry(place, volume, names["truth"], names[role])

    organ = volumes.get("organ")
    if organ is not None and not organ.array.any():
        why = "".join(f" ({note})" for note in organ.notes)
        raise ValueError(f"{names['organ']}: the organ mask is empty{why}; mend it, or leave --organ out")
    region = counted(place.array, job.chosen.ignore, organ.array if organ else None)
    if region is not None and not region.any():
        raise ValueError(f"{names['truth']}: nobody labelled any of it (--ignore-label {job.chosen.ignore})")
    if not command.label_maps and job.chosen.ignore is not None:
        volumes["truth"] = place = _labelled(place, paths["truth"], job)
    if organ is not None:
        _check_vessels_in_organ(place, organ, job, names)
        notes += _classes_outside(place, organ, job)
    notes += _doubts(volumes, command)
    return CaseMasks(volumes["prediction"].array, place.array, region, place, tuple(notes))


def _check_vessels_in_organ(truth: Volume, organ: Volume, job: Job, names: Mapping[str, str]) -> None:
    """Raise ValueError where a truth has vessels, and the organ none of them: the two do not belong together."""
    vessels = np.isin(truth.array, job.chosen.vessel_labels) if job.command.label_maps else truth.array
    if vessels.any() and not (vessels & organ.array).any():
        raise ValueError(
            f"{names['truth']}: none of its {np.count_nonzero(vessels)} vessel voxels lies inside the organ "
            f"{names['organ']}; check both masks, name the vessels' labels among the organ's, or leave --organ out"
        )


def _classes_outside(truth: Volume, organ: Volume, job: Job) -> list[str]:
    """A line for each class that a truth has, and its organ none of: context beside the organ counts as background."""
    if not job.command.label_maps:
        return []
    # What is drawn is a small part of the volume: only that is sorted.
    there = truth.array != 0
    drawn, inside = (set(np.unique(truth.array[where]).tolist()) for where in (there, there & organ.array))
    return [
        f"class {one.name}: its voxels lie outside the organ, where nothing counts; to count them, name its labels "
        "among --organ-labels"
        for one in job.chosen.classes
        if drawn.intersection(one.labels) and not inside.intersection(one.labels)
    ]


def _labelled(truth: Volume, path: Path, job: Job) -> Volume:
    """Of a truth's label map, the mask: of the labels that are asked for, or of all but the ignore value."""
    option = "--truth-labels"
    file = LabelledFile(path, job.command.spacing_mm or None, offer=_EACH)
    choice = file.choose(job.command.truth_labels, "vessels", option)
    if choice == [ANY]:
        return truth.with_array(truth.array != 0)
    if choice is not None:
        return truth.with_array(np.isin(truth.array, [int(number) for number in choice]))
    pick = f"say which of them are the vessels with {option}{_EACH}"
    return truth.with_array(as_mask(np.where(truth.array == job.chosen.ignore, 0, truth.array), str(path), pick))


def _placed(volumes: dict[str, Volume], names: Mapping[str, str], resample: bool) -> dict[str, Volume]:
    """Pictures, which know no millimetres, where the other files lie; ValueError for one that is to be resampled."""
    truth = volumes["truth"]
    for volume in volumes.values():
        truth = laid_on(truth, volume)
    placed = {role: laid_on(volume, truth) for role, volume in volumes.items()} | {"truth": truth}
    if resample and any(volume.shape != truth.shape for volume in placed.values()):
        for role, volume in placed.items():
            check_can_be_moved(volume, names[role])
    return placed


def _doubts(volumes: Mapping[str, Volume], command: EvaluateCommand) -> list[str]:
    """What is hardly right: a spacing that measures in mm cannot rest on, masks that are hardly vessels."""
    notes = [*notes_on_size(volumes["truth"]), *doubts_about_spacing(volumes["truth"])]
    if not command.label_maps:
        organ = volumes["organ"].array if "organ" in volumes else None
        for role in ("prediction", "truth"):
            notes += [f"{role}: {doubt}" for doubt in doubts_about_vessels(volumes[role].array, organ)]
    return notes


def _read(role: str, path: Path, job: Job) -> Volume:
    """The mask of a role; of classes, and where the truth has an ignore value, its label map."""
    command = job.command
    file = LabelledFile(path, command.spacing_mm or None, offer="" if role == "organ" else _EACH)
    option = f"--{role}-labels"
    if role != "organ" and command.label_maps:
        return file.label_map
    if role == "truth" and job.chosen.ignore is not None:
        file.check_there(file.choose(command.truth_labels, "vessels", option) or (), option)
        return file.label_map
    if role == "organ":
        inside = _vessels_of_truth(file, job) if _same_file(path, job.files["truth"]) else None
        return organ_mask(file, command.organ_labels, inside)
    return file.mask(file.choose(getattr(command, f"{role}_labels"), "vessels", option), "vessels", option)


def _same_file(path: Path, others: Sequence[Path]) -> bool:
    return any(path.resolve() == other.resolve() for other in others)


def _vessels_of_truth(truth: LabelledFile, job: Job) -> Choice:
    """The labels of a true label map that are compared as vessels."""
    if job.command.label_maps:
        return job.chosen.vessel_labels
    return truth.choose(job.command.truth_labels, "vessels", "--truth-labels") or ()
