"""nnU-Net over tiny data sets: planned and preprocessed once; its worker processes are forked, not begun anew."""

import multiprocessing
import os
from pathlib import Path

import pytest

from tests.nnunet.tiny_data import CASES, LABELS, NAMES, shrink_plans, write_data_set
from tests.nnunet.training import CONFIGURATIONS, TRAINERS_VARIABLE

_FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")


@pytest.fixture(scope="session")
def nnunet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with raw, preprocessed and results of every data set; skips where nnU-Net is not installed."""
    pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed: make test-nnunet")
    import torch
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    from ramify.nnunet import trainers_folder

    torch.set_num_threads(1)
    # A forked process waits for ever for threads that it lacks, and nnU-Net's commands would take all there are.
    torch.set_num_threads = lambda count: None  # type: ignore[assignment]
    root = tmp_path_factory.mktemp("nnunet")
    # Its planner crashes without a process for augmentation.
    variables = {name: str(root / name) for name in _FOLDERS} | {"nnUNet_n_proc_DA": "1", "nnUNet_compile": "false"}
    os.environ.update(variables | {TRAINERS_VARIABLE: str(trainers_folder())})
    # Each of its processes would load torch for seconds; here they have one thread, and may be forked.
    forked = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: forked  # type: ignore[assignment]
    for form, name in NAMES.items():
        write_data_set(root / "nnUNet_raw", form)
        number = int(name[7:10])
        api.extract_fingerprints([number], num_processes=1, check_dataset_integrity=True)
        api.plan_experiments([number])
        folder = root / "nnUNet_preprocessed" / name
        shrink_plans(folder / "nnUNetPlans.json")
        api.preprocess([number], configurations=CONFIGURATIONS, num_processes=[1])
        # nnU-Net would make five folds, of four cases.
        (folder / "splits_final.json").write_text(
            f'[{{"train": {list(CASES[:3])}, "val": {list(CASES[3:])}}}]'.replace("'", '"'), encoding="utf-8"
        )
    assert set(LABELS) == set(NAMES)
    return root
