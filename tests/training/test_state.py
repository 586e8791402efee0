"""What a checkpoint tells of the cases a network was trained on."""

from pathlib import Path

import pytest

from ramify.data.case_store import read_case, write_case
from ramify.data.image_source import ImageSource
from ramify.training.settings import RunSettings
from ramify.training.state import set_up

USED = {"files": [1], "known_files": [0, 1], "vessel_labels": [2], "organ_labels": [1], "resample_masks": False}


@pytest.fixture
def nnunet_cases(tiny_cases: Path, tmp_path: Path) -> Path:
    """The tiny cases as if they came from channel 1 of a data set in nnU-Net's form."""
    store = tmp_path / "cases"
    store.mkdir()
    for number in range(4):
        case = read_case(tiny_cases, f"case_{number}")
        record = {
            key: value for key, value in case.record.items() if key not in ("format", "arrays", "sampling", "case_id")
        }
        origin = {"adapter": "nnunet", "settings": USED, "sources": []}
        write_case(store, case.case_id, case.arrays, {**record, "provenance": origin})
    (store / "splits_final.json").write_bytes((tiny_cases / "splits_final.json").read_bytes())
    return store


def test_a_checkpoint_says_what_the_images_were(nnunet_cases, tiny_cases, tmp_path):
    told = {}
    for name, cases in (("told", nnunet_cases), ("untold", tiny_cases)):
        settings = RunSettings.model_validate(
            {
                "cases": cases,
                "output": tmp_path / name,
                "device": "cpu",
                "model": {"tasks": {"auxiliary": "none"}, "levels": 1, "base_channels": 1},
                "loss": {"lambda_contrastive": 0.0},
            }
        )
        training, _ = set_up(settings)
        told[name] = ImageSource.model_validate(training.description["source"])
    assert told["untold"] == ImageSource()
    assert told["told"] == ImageSource(
        form="nnunet", files=(1,), known_files=(0, 1), vessel_labels=(2,), organ_labels=(1,)
    )
