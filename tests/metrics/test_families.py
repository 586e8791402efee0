"""A family of measures is added by a file, its settings and a line for each: the example of the page is."""

import json
import os
import subprocess
import sys

import numpy as np

from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.metrics.families import FAMILIES
from ramify.metrics.family_settings import FAMILY_SETTINGS
from ramify.metrics.settings import EvaluationSettings
from tests.docs.pages import ROOT, blocks_of

ADDED = """
from ramify.metrics.family_settings import FAMILY_SETTINGS
from volume_settings import VolumeSettings
FAMILY_SETTINGS["volume"] = VolumeSettings
from ramify.metrics.families import FAMILIES
from volume import VOLUME
FAMILIES["volume"] = VOLUME
from ramify.command_line import run
from ramify.evaluate import main
run(main)
"""


def test_a_file_and_its_settings_add_a_family(tmp_path):
    blocks = blocks_of((ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"))
    for file, place in (("volume_settings.py", "# metrics/family_settings.py"), ("volume.py", "# metrics/volume.py")):
        code = next(block.text for block in blocks if block.text.startswith(place))
        (tmp_path / file).write_text(
            code.replace("ramify.metrics.family_settings", "volume_settings"), encoding="utf-8"
        )
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
    assert list(FAMILIES) == list(FAMILY_SETTINGS)
    for name, settings in FAMILY_SETTINGS.items():
        own = EvaluationSettings().of_family(name)
        assert settings is None or isinstance(own, settings)
