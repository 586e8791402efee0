"""A loss, a network and a radius estimator are added by a file and a line where each is named: the pages' examples are.

Those of a data set and of a measure are in tests/data/adapters/test_table.py and tests/metrics/test_families.py.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of, text_of

TRAINING = """
model: {network: two_layers, tasks: {auxiliary: none}, base_channels: 4}
loss: {main: {dice: 1.0, brier: 0.5}, brier: {power: 3.0}, lambda_contrastive: 0.0}
train: {epochs: 1}
device: cpu
"""
ADDED = """
from brier_settings import BrierSettings
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.models.network_choices import NETWORK_CHOICES, NetworkChoices
TERM_SETTINGS["brier"] = BrierSettings
NETWORK_CHOICES["two_layers"] = NetworkChoices(frozenset({"base_channels"}), base_channels=16)
import brier, two_layers
from ramify.losses.terms import TERMS, of_probabilities
from ramify.models.networks import NETWORKS
TERMS["brier"] = of_probabilities(brier.brier_loss)
NETWORKS["two_layers"] = two_layers.KIND
from ramify.command_line import run
from ramify.train import main
run(main)
"""
MEASURED = """
from ramify.vessels.estimator_names import ESTIMATOR_NAMES
ESTIMATOR_NAMES.append("depth")
import depth
import numpy as np
from ramify.vessels.estimators import ESTIMATORS
ESTIMATORS["depth"] = depth.DEPTH
from ramify.vessels import ScaleSettings, decompose_scales
tube = np.zeros((12, 15, 15), dtype=bool)
tube[:, 5:10, 5:10] = True
print(decompose_scales(tube, (1.0, 1.0, 1.0), ScaleSettings(quantiles=(), estimator="depth")).radii_mm)
"""


def example(page: str, place: str) -> str:
    """The block of a page that says which file it is."""
    blocks = blocks_of(text_of(ROOT / "docs" / page))
    return next(block.text for block in blocks if block.text.startswith(f"# {place}\n"))


def line(page: str, text: str) -> str:
    """A line for a table, which the page shows."""
    assert text in text_of(ROOT / "docs" / page)
    return text


def call(code: str, folder: Path, *words: str) -> str:
    """What a process prints that has the files of a folder beside the checkout."""
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    ended = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, env={**os.environ, **paths}
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.integration
def test_a_loss_and_a_network_are_trained(tmp_path: Path, tiny_cases: Path):
    (tmp_path / "brier.py").write_text(example("losses.md", "losses/brier.py"), encoding="utf-8")
    settings = example("losses.md", "losses/term_settings.py")
    (tmp_path / "brier_settings.py").write_text(settings, encoding="utf-8")
    (tmp_path / "two_layers.py").write_text(example("networks.md", "models/two_layers.py"), encoding="utf-8")
    assert line("losses.md", '"brier": BrierSettings')
    assert line("losses.md", '"brier": of_probabilities(brier_loss)')
    assert line("networks.md", '"two_layers": NetworkChoices(frozenset({"base_channels"}), base_channels=16)')
    assert line("networks.md", '"two_layers": two_layers.KIND')
    (tmp_path / "mine.yaml").write_text(TRAINING, encoding="utf-8")
    call(ADDED, tmp_path, "--config", "mine.yaml", "--cases", str(tiny_cases), "--output", "run", "--fold", "0")
    with (tmp_path / "run" / "fold_0" / "history.csv").open(encoding="utf-8") as history:
        row = next(csv.DictReader(history))
    # Of probabilities near one half, the third power of the error is near one eighth.
    assert 0 < float(row["loss/main/brier"]) < 0.5


@pytest.mark.integration
def test_an_estimator_is_measured_with(tmp_path: Path):
    (tmp_path / "depth.py").write_text(example("method.md", "vessels/estimators/depth.py"), encoding="utf-8")
    assert line("method.md", '"depth": DEPTH')
    assert line("method.md", "its name in `vessels/estimator_names.py`")
    # Five voxels wide: the centre lies three voxels from the nearest voxel outside.
    assert float(call(MEASURED, tmp_path).strip().strip("[].")) == pytest.approx(3.0)
