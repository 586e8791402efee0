"""Phantoms as a data set in nnU-Net's raw layout, and nnU-Net's folders around it."""

import contextlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.nnunet.folder import trainers_folder
from ramify.phantoms.phantom import grow_phantom
from ramify.phantoms.settings import PhantomSettings

NUMBER, NAME, CONFIGURATION = 900, "Dataset900_Phantoms", "3d_fullres"


def case_ids(count: int) -> list[str]:
    """Names of so many cases."""
    return [f"case_{number:02}" for number in range(count)]


def make_known(folder: Path, augmenting: int = 1) -> None:
    """Tell nnU-Net of its three folders, all in one, and of Ramify's trainers; before it is imported.

    augmenting: processes beside the one that trains; its planner crashes without any.
    """
    folders = {name: str(folder / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    processes = {"nnUNet_n_proc_DA": str(augmenting), "nnUNet_def_n_proc": "1"}
    os.environ.update(folders | processes | {"nnUNet_extTrainer": str(trainers_folder())})


def write_phantoms(folder: Path, settings: PhantomSettings, count: int) -> None:
    """Phantoms of the seeds 0, 1, …: images, and vessels as the one label."""
    raw = folder / "nnUNet_raw" / NAME
    for seed, case_id in enumerate(case_ids(count)):
        phantom = grow_phantom(settings, seed)
        write_volume(raw / "imagesTr" / f"{case_id}_0000.nii.gz", Volume(phantom.image, settings.spacing_mm))
        write_volume(raw / "labelsTr" / f"{case_id}.nii.gz", Volume(phantom.vessels, settings.spacing_mm))
    described = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "vessel": 1}, "numTraining": count}
    (raw / "dataset.json").write_text(json.dumps(described | {"file_ending": ".nii.gz"}), encoding="utf-8")


def plan(folder: Path, splits: Sequence[dict[str, list[str]]], memory_gb: float | None = None) -> None:
    """Let nnU-Net plan for so much memory of a GPU (None: its own default) and preprocess; folds as they are given."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    api.extract_fingerprints([NUMBER], num_processes=1)
    api.plan_experiments([NUMBER], gpu_memory_target_in_gb=memory_gb)
    api.preprocess([NUMBER], configurations=(CONFIGURATION,), num_processes=[1])
    (folder / "nnUNet_preprocessed" / NAME / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")


@contextlib.contextmanager
def said_to_nobody() -> Iterator[None]:
    """Keep what nnU-Net prints out of a table."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
