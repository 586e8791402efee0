"""A family of measures is added by one file and one line: the page's own example is, and evaluate.py measures it."""

import json
import os
import subprocess
import sys

import numpy as np

from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.metrics.families import FAMILIES
from ramify.metrics.settings import EvaluationSettings
from tests.docs.pages import ROOT, blocks_of

ADDED = """
from ramify.metrics.families import FAMILIES
from volume import VOLUME
FAMILIES["volume"] = VOLUME
from ramify.command_line import run
from ramify.evaluate import main
run(main)
"""


def test_one_file_and_one_line_add_a_family(tmp_path):
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    code = next(block.text for block in blocks_of(page) if block.text.startswith("# metrics/volume.py"))
    (tmp_path / "volume.py").write_text(code, encoding="utf-8")
    for role, voxels in (("prediction", 7), ("truth", 8)):
        mask = np.zeros((4, 5, 12), dtype=np.uint8)
        mask[1, 2, :voxels] = 1
        (tmp_path / role).mkdir()
        write_volume(tmp_path / role / "a.nii.gz", Volume(mask, (1.0, 1.0, 1.0)))

    words = ["--prediction", "prediction", "--truth", "truth", "--measures", "volume"]
    found = {}
    for tolerance in ("0.1", "0.2"):
        ended = subprocess.run(
            [sys.executable, "-c", ADDED, *words, "--output", f"scores_{tolerance}", "--volume.tolerance", tolerance],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]), "PYTHONUTF8": "1"},
        )
        assert ended.returncode == 0, ended.stderr
        report = json.loads((tmp_path / f"scores_{tolerance}" / "metrics.json").read_text(encoding="utf-8"))
        found[tolerance] = report["cases"]["a"]["volume_accuracy"]
        assert report["settings"]["volume"] == {"tolerance": float(tolerance)}
        assert report["measures"]["volume_accuracy"]["better"] == "higher"
    assert found == {"0.1": 1 - 1 / 8, "0.2": 1.0}


def test_every_family_with_settings_has_its_section():
    for name, family in FAMILIES.items():
        own = EvaluationSettings().of_family(name)
        assert family.settings is None or isinstance(own, family.settings)
