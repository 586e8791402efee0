"""Every shipped loss trains, in 2D and 3D, on vessels and scales, from its configuration laid on another."""

import csv
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.command_line import parse
from ramify.data.case_store import write_case
from ramify.losses.perceptual import CONVOLUTIONS
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings
from ramify.vessels.tube import tubed_skeleton

CONFIGS = Path(__file__).parents[2] / "configs"
LOSSES = sorted((CONFIGS / "losses").glob("*.yaml"))
SMALL = ["--model.levels", "2", "--model.base-channels", "2", "--loading.samples-per-epoch", "2", "--device", "cpu"]
SHORT = ["--train.epochs", "1", "--loss.lambda-scales", "1.0", "--loading.batch-size", "1"]


@pytest.fixture(scope="module")
def crossings(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Prepared cases of 2D and 3D: a thin vessel across a thick one, two scales; and one without a vessel."""
    stores = {}
    for ndim in (2, 3):
        store = tmp_path_factory.mktemp(f"cases_{ndim}d")
        for number in range(3):
            shape = (16,) * ndim
            scales = np.zeros(shape, np.uint8)
            if number:
                scales[(..., 5 + number, slice(None))] = 1
                scales[(..., slice(None), slice(8, 11))] = 2
            noise = np.random.default_rng(number).normal(size=shape)
            arrays: dict[str, Any] = {
                "image": ((scales > 0) + 0.3 * noise).astype(np.float32)[None],
                "scales": scales,
                "tubed_skeleton": tubed_skeleton(scales > 0).astype(np.uint8),
            }
            record = {
                "patient_id": f"p{number}",
                "shape": list(shape),
                "spacing_mm": [1.5] + [1.0] * (ndim - 1),
                "scales": {"thresholds_mm": [1.5] if number else []},
                "settings": PreprocessingSettings().model_dump(mode="json"),
            }
            write_case(store, f"case_{number}", arrays, record)
        (store / "splits_final.json").write_text(
            '[{"train": ["case_0", "case_1"], "val": ["case_2"]}]', encoding="utf-8"
        )
        stores[ndim] = store
    return stores


def random_vgg(folder: Path) -> Path:
    """A file of weights for the perceptual loss."""
    state = {f"features.{number}.weight": 0.05 * torch.randn(*shape, 3, 3) for number, shape in CONVOLUTIONS.items()}
    state |= {f"features.{number}.bias": torch.zeros(shape[0]) for number, shape in CONVOLUTIONS.items()}
    torch.save(state, folder / "vgg19.pth")
    return folder / "vgg19.pth"


def test_every_term_but_the_default_ones_has_a_configuration():
    from ramify.losses.terms import TERMS

    assert {path.stem for path in LOSSES} == set(TERMS) - {"dice", "cross_entropy"}


@pytest.mark.parametrize("loss", LOSSES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("ndim", "base"), [(2, "pairs_2d.yaml"), (3, "demo.yaml")])
def test_a_loss_trains_from_its_configuration(crossings, tmp_path, ndim, base, loss):
    """Two steps, one of them on a case without a vessel alone."""
    if loss.stem == "persistent_homology" and importlib.util.find_spec("gudhi") is None:
        pytest.skip("gudhi is not installed")
    words = ["--config", str(CONFIGS / base), "--config", str(loss), "--cases", str(crossings[ndim])]
    if loss.stem == "perceptual":
        words += ["--loss.perceptual.weights", str(random_vgg(tmp_path))]
    patch = ["--loading.patch-size", *["16"] * ndim]
    settings = parse(RunSettings, "", [*words, *SMALL, *SHORT, *patch, "--output", str(tmp_path / "run")])
    if loss.stem == "perceptual" and ndim == 3:
        with pytest.raises(ValueError, match="VGG-19 sees 2D images"):
            train_run(settings)
        return
    folder = train_run(settings)
    with (folder.root / "history.csv").open(encoding="utf-8") as rows:
        (row,) = csv.DictReader(rows)
    for task in ("main", "scale_1", "scale_2"):
        assert np.isfinite(float(row[f"loss/{task}/{loss.stem}"]))
    assert np.isfinite(float(row["loss/total"]))
