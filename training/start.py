"""Weights that a training begins with: those of another training's network that fit, in place of fresh ones."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ramify.console.progress import say
from ramify.data.case_store import differences
from ramify.disk.digests import fingerprint
from ramify.models.build import load_weights
from ramify.models.network import Network
from ramify.models.parts import innermost, parts_of, tensors_of
from ramify.models.settings import ModelSettings
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.checkpoint import load_checkpoint
from ramify.training.checkpoint_record import CaseDescription, Checkpoint, StartRecord
from ramify.training.freezing import frozen_names
from ramify.training.run_folder import find_checkpoint, folder_of
from ramify.training.settings import RunSettings

OTHER_VOXELS = 1.1
"""Voxels are told to be others from so many times the length of a side on: medians over cases differ a little."""
_SHOWN = 3


def begin_with(network: Network, settings: RunSettings, cases: CaseDescription, *, tell: bool) -> StartRecord | None:
    """Put the weights that a training begins with into its network; None where all stay fresh.

    Args:
        network: with fresh weights, drawn as ever: those that nothing is found for stay what they are without a start.
        settings: of the training; `start_from` is read here, and only here.
        cases: of the training.
        tell: whether to warn of what is hardly meant.

    Raises:
        ValueError: the checkpoint is no readable one, of another network, or none of its weights fits.
        FileNotFoundError: no such checkpoint.
    """
    frozen = frozen_names(network, settings.train)
    taken: Mapping[str, Tensor] = {}
    record, remarks = None, list[str]()
    if settings.start_from is not None:
        file = find_checkpoint(_other_fold(settings.start_from, folder_of(settings).root), "best")
        saved = load_checkpoint(file)
        before = RunSettings.model_validate(saved["config"]).model
        _check_kind(file, before, saved, settings.model, cases)
        taken = _fitting(network, saved["model"])
        if not any(weight.ndim > 1 for weight in taken.values()):
            # Slopes and shifts fit any network of the kind, and are nothing without their kernels.
            remedy = f"{_same_size(before, cases)}, or leave start_from out"
            raise ValueError(f"{file}: none of its kernels fits this network; {remedy}")
        load_weights(network, {**network.state_dict(), **taken})
        record = _record(network, file, taken)
        told = [*_other_images(saved, cases), *_other_outputs(before, saved, settings.model, cases)]
        told += _seen_before(saved, cases) if settings.fold != "all" else ()
        remarks = [f"start_from {file}: {line}" for line in told]
    if fresh := [name for name in frozen if name not in taken]:
        remarks.append(
            f"train.freeze: {len(fresh)} of {len(frozen)} weights of {', '.join(settings.train.freeze)} are fresh, and "
            "stay as they were drawn until they are let go"
        )
    for line in remarks if tell else ():
        say(f"warning: {folder_of(settings).root}: {line}", error=True)
    return record


def _other_fold(path: Path, own: Path) -> Path:
    """Of a run that the training itself is a fold of: its other one, if there is one."""
    if path.resolve() != own.parent.resolve():
        return path
    others = [fold for fold in own.parent.glob("fold_*") if fold != own]
    return others[0] if len(others) == 1 else path


def start_line(record: StartRecord) -> str:
    """What was taken from where, and what is new, in words.

    Examples:
        >>> from ramify.training.start import start_line
        >>> start_line({"file": "a.pt", "sha256": "", "taken": 6, "weights": 8, "new": {"main_decoder.head": 2}})
        '6 of 8 weights from a.pt; new: main_decoder.head (2)'
    """
    number = f"{record['taken']} of {record['weights']}" if record["new"] else f"all {record['weights']}"
    new = ", ".join(f"{part} ({count})" for part, count in record["new"].items())
    return f"{number} weights from {record['file']}" + (f"; new: {new}" if new else "")


def _check_kind(
    file: Path, before: ModelSettings, saved: Checkpoint, model: ModelSettings, cases: CaseDescription
) -> None:
    its, own = (before.network, saved["network"]["ndim"]), (model.network, cases["network"]["ndim"])
    if its != own:
        raise ValueError(
            f"{file}: of a {its[0]} in {its[1]}D, and this training's network is a {own[0]} in {own[1]}D; start from "
            "a network of the same kind and number of axes, or leave start_from out"
        )


def _same_size(model: ModelSettings, cases: CaseDescription) -> str:
    """Which settings make a network of the same size."""
    levels, base_channels = model.sizes(cases["network"]["ndim"])
    if not levels:
        return "give the same model.arguments"
    return f"give the same model.levels ({levels}) and model.base_channels ({base_channels})"


def _fitting(network: Network, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that the network has a place for, by name, shape and kind of number."""
    return {
        name: given[name]
        for name, own in network.state_dict().items()
        if name in given
        and given[name].shape == own.shape
        and given[name].is_floating_point() == own.is_floating_point()
        and not given[name].is_complex()
    }


def _record(network: Network, file: Path, taken: Collection[str]) -> StartRecord:
    names = tensors_of(network)
    new: dict[str, int] = {}
    for part in parts_of(names).values():
        if fresh := [name for name in part if name not in taken]:
            new[innermost(fresh)] = len(fresh)
    count = sum(name in taken for name in names)
    return {"file": str(file), "sha256": fingerprint(file), "taken": count, "weights": len(names), "new": new}


def _other_images(saved: Checkpoint, cases: CaseDescription) -> Iterator[str]:
    """What its images were that those of the cases are not, a line."""
    before, now = (_images(its) for its in (saved, cases))
    now["orientation"] = cases.get("orientation")
    before["orientation"] = saved.get("orientation", now["orientation"])
    told = differences(before, now)
    its, own = (each["prepared"]["spacing_mm"] for each in (saved, cases))
    if any(max(sides) > OTHER_VOXELS * min(sides) for sides in zip(its, own, strict=True)):
        told.append(f"voxels were {_millimetres(its)}, now {_millimetres(own)}")
    if told:
        more = f"; {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        yield f"it knows images that were prepared otherwise: {'; '.join(told[:_SHOWN])}{more}"


def _images(of: CaseDescription) -> dict[str, Any]:
    settings = PreprocessingSettings.model_validate(of["preprocessing"])
    rules = settings.model_dump(mode="json", include={"intensity", "channels"})
    return {"channels": list(of["channels"]), "intensity": rules["intensity"], "rules of channels": rules["channels"]}


def _millimetres(spacing: Sequence[float]) -> str:
    return " x ".join(f"{length:.3g}" for length in spacing) + " mm"


def _other_outputs(
    before: ModelSettings, saved: Checkpoint, model: ModelSettings, cases: CaseDescription
) -> Iterator[str]:
    """Heads that fit by their shape, and meant something else."""
    its, own = (
        Tasks.of(settings.tasks, of["network"]["scales"], ClassTable.model_validate(of["classes"]))
        for settings, of in ((before, saved), (model, cases))
    )
    if its.main.channels == own.main.channels and its.main_names != own.main_names:
        yield (
            f"its outputs were {', '.join(its.main_names)} and are {', '.join(own.main_names)} now: a head of the same "
            "shape is taken all the same"
        )


def _seen_before(saved: Checkpoint, cases: CaseDescription) -> Iterator[str]:
    """Cases that are held out here, and were trained on there: their scores would say too much."""
    trained = saved.get("cases", {"train": [], "val": []})["train"]
    known = saved.get("identities", {})
    images = {_image(known[case_id]) for case_id in trained if case_id in known} - {None}
    own = cases.get("identities", {})
    seen = [
        case_id
        for case_id in cases.get("cases", {"train": [], "val": []})["val"]
        if case_id in trained or (case_id in own and _image(own[case_id]) in images)
    ]
    if seen:
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        yield (
            f"by name or image it was trained on cases that are held out here ({', '.join(seen[:_SHOWN])}{more}): "
            "their scores will be too good"
        )


def _image(identity: Mapping[str, Any]) -> str | None:
    digest: str | None = identity.get("arrays", {}).get("image")
    return digest
