"""What made a mask is told as long as it is that mask."""

from pathlib import Path

import pytest

from ramify.data import prediction_record as prediction_record_module
from ramify.data.prediction_record import digests, in_words, prediction_record, record_beside, record_of
from ramify.disk.json_files import write_json

NETWORK = {"file": "runs/a/fold_0/checkpoints/best.pt", "sha256": "0123456789abcdef", "epochs": 32}
SETTINGS = {"window": [32, 32, 32], "overlap": 0.5, "clean_up": None, "mirror": [], "organ": True}
ASKED = {"mirror": [], "noise": "auto", "inference": {"overlap": None}}


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A mask with its record."""
    path = tmp_path / "case.nii.gz"
    path.write_bytes(b"voxels")
    ct = tmp_path / "ct.nii.gz"
    ct.write_bytes(b"grey values")
    write_json(tmp_path / "case_prediction.json", prediction_record(path, [NETWORK], SETTINGS, digests([ct]), ASKED))
    return path


def test_masks_of_one_prediction_have_one_record(mask):
    other = mask.with_name("other.nii.gz")
    other.write_bytes(b"other voxels")
    write_json(mask.with_name("other_prediction.json"), prediction_record(other, [NETWORK], SETTINGS, [], ASKED))
    record = record_beside(mask)
    assert record is not None
    assert record == record_beside(other)
    assert in_words(record)[:2] == [
        "runs/a/fold_0/checkpoints/best.pt (epochs 32, SHA-256 0123456789ab…)",
        "clean_up none, mirror none, organ yes, overlap 0.5, window 32 32 32",
    ]
    assert in_words(record)[2].startswith("ramify ")


@pytest.mark.parametrize("what", ["mask", "record", "none"])
def test_a_record_of_another_content_and_what_is_no_record_say_nothing(mask, what):
    record = mask.with_name("case_prediction.json")
    if what == "mask":
        mask.write_bytes(b"edited by hand")
    elif what == "record":
        record.write_text('{"networks": 3}', encoding="utf-8")
    else:
        record.unlink()
    assert record_beside(mask) is None


def test_a_mask_would_come_out_again_of_the_same_files_by_the_same_networks_and_asked_for_alike(mask, monkeypatch):
    record, files, network = record_of(mask), [mask.with_name("ct.nii.gz")], NETWORK["sha256"]
    assert record.is_by([network])
    assert not record.is_by(["another"])
    assert not record.is_by([network, network])
    assert record.would_come_out_again(files, ASKED)
    assert not record.would_come_out_again([], ASKED)
    assert not record.would_come_out_again(files, {**ASKED, "mirror": ["x"]})
    with monkeypatch.context() as changed:
        changed.setattr(prediction_record_module, "versions", lambda: {"ramify": "another"})
        assert not record.would_come_out_again(files, ASKED)
    files[0].write_bytes(b"other values")
    assert not record.would_come_out_again(files, ASKED)
    mask.write_bytes(b"edited by hand")
    assert record_of(mask) is None
