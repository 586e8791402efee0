"""The baseline reads what predict.py reads, and loses no case to another's fault."""

import numpy as np
import pytest

from benchmarks import threshold
from ramify.data.case_store import write_case
from ramify.data.files import read_mask, write_volume
from ramify.data.volume import Volume
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import PreprocessingSettings
from tests.preprocessing.drawn_cases import bars_in_a_box


@pytest.fixture
def drawn(tmp_path):
    """A store of one case whose channel was _0001, and its image under that name."""
    raw = bars_in_a_box()
    arrays, record = prepare_case(raw, PreprocessingSettings())
    record["provenance"] = {"adapter": "nnunet", "settings": {"files": [1], "known_files": [0, 1]}}
    (tmp_path / "store").mkdir()
    write_case(tmp_path / "store", "a", arrays, record)
    assert raw.organ is not None
    for name, volume in (("cts/a_0001", raw.image), ("cts/a_0000", raw.image.with_array(-raw.image.array))):
        write_volume(tmp_path / f"{name}.nii.gz", volume)
    write_volume(tmp_path / "organs" / "a.nii.gz", raw.organ.with_array(np.where(raw.organ.array, 5, 7)))
    return tmp_path, raw


def words(folder):
    return [
        *("--cases", str(folder / "store"), "--input", str(folder / "cts"), "--organ", str(folder / "organs")),
        *("--organ-labels", "5", "--output", str(folder / "masks")),
    ]


def test_the_trainings_channel_and_the_organs_label(drawn):
    folder, raw = drawn
    assert threshold.main(words(folder)) == 0
    found = read_mask(folder / "masks" / "a.nii.gz").array
    vessels = raw.vessels.array & raw.organ.array
    assert 2 * (found & vessels).sum() / (found.sum() + vessels.sum()) > 0.8
    assert not (found & ~raw.organ.array).any()


def test_a_bad_case_costs_itself_alone(drawn, capsys):
    folder, _ = drawn
    (folder / "cts" / "b_0001.nii.gz").write_bytes(b"damaged")
    write_volume(folder / "organs" / "b.nii.gz", Volume(np.ones((2, 2, 2), np.uint8), (1, 1, 1)))
    assert threshold.main(words(folder)) == 1
    assert (folder / "masks" / "a.nii.gz").is_file()
    told = capsys.readouterr().err.splitlines()
    assert next(line for line in told if line.startswith("error: ")).startswith("error: b: ")
