"""A data set is added by a file, its settings and a line for each: the page's own example is, and is prepared."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ramify.data.adapters.form_settings import FORM_SETTINGS
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.adapters.table import DATA_SETS
from ramify.data.case_store import list_cases, read_case
from tests.docs.pages import ROOT, blocks_of

ADDED = """
from npz_settings import NpzSettings
from ramify.data.adapters.form_settings import FORM_SETTINGS, FormSettings
FORM_SETTINGS["npz"] = FormSettings("NumPy archives.", NpzSettings)
from ramify.data.adapters.table import DATA_SETS
from npz import NPZ
DATA_SETS.append(NPZ)
from ramify.command_line import run
from ramify.preprocess import main
run(main)
"""


def preprocess_with_npz(folder, *words):
    blocks = blocks_of((ROOT / "docs" / "data.md").read_text(encoding="utf-8"))
    for file, place in (("npz_settings", "# data/adapters/form_settings.py"), ("npz", "# data/adapters/npz.py")):
        code = next(block.text for block in blocks if block.text.startswith(place))
        code = code.replace("ramify.data.adapters.form_settings", "npz_settings")
        (folder / f"{file}.py").write_text(code, encoding="utf-8")
    # A width, as the help is broken into lines by it.
    variables = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "COLUMNS": "200", "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-c", ADDED, *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **variables},
    )


@pytest.mark.integration
def test_a_file_and_its_settings_add_a_data_set(tmp_path):
    vessels = np.zeros((16, 20, 24), dtype=np.uint8)
    vessels[2:14, 9:12, 9:12] = 1
    image = np.random.default_rng(0).normal(size=vessels.shape)
    (tmp_path / "raw").mkdir()
    for case in "ab":
        np.savez(tmp_path / "raw" / f"{case}.npz", image=image, vessels=vessels)

    words = ["--dataset", "npz", "--root", tmp_path / "raw", "--output", tmp_path / "cases"]
    words += ["--npz.spacing-mm", "2", "1", "1", "--preprocessing.grid.crop", "volume", "--folds.folds", "2"]
    ended = preprocess_with_npz(tmp_path, *words)
    assert ended.returncode == 0, ended.stderr
    assert list_cases(tmp_path / "cases") == ["a", "b"]
    case = read_case(tmp_path / "cases", "a")
    assert np.array_equal(case.arrays["scales"] > 0, vessels > 0)
    assert case.record["spacing_mm"] == [2.0, 1.0, 1.0]
    assert case.record["provenance"]["adapter"] == "npz"


@pytest.mark.integration
def test_the_added_data_set_is_explained_and_its_settings_are_checked(tmp_path):
    shown = preprocess_with_npz(tmp_path, "--help-all")
    assert shown.returncode == 0, shown.stderr
    assert "phantom,npz}" in shown.stdout.replace(" ", "")
    assert "NumPy archives." in shown.stdout
    words = ["--dataset", "npz", "--output", tmp_path / "cases"]
    refused = preprocess_with_npz(tmp_path, *words)
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: dataset npz: --root is missing; give the folder of the data set\n",
    )
    refused = preprocess_with_npz(tmp_path, *words, "--root", tmp_path, "--channels", "red")
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: --channels red: dataset npz has one channel; leave it out\n",
    )


def test_every_data_set_has_its_section():
    assert [data_set.name for data_set in DATA_SETS] == list(FORM_SETTINGS)
    for name, form in FORM_SETTINGS.items():
        assert isinstance(getattr(DatasetSettings(dataset=name), name), form.settings)
