"""Folders of predictions and truths, and the command that compares them, for the tests of evaluate.py."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify import evaluate
from ramify.command_line import run
from ramify.data.files import write_volume
from ramify.data.volume import Volume

SPACING = (2.0, 0.75, 0.75)  # as exact in the float32 of a NIfTI header as here
SHAPE = (8, 16, 20)
ROOT = Path(evaluate.__file__).parent


def vessel(row: int, start: int = 3, stop: int = 17) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:6, row - 1 : row + 2, start:stop] = True
    return mask


def save(path: Path, array: np.ndarray, origin_mm: tuple[float, ...] = (10.0, 20.0, 30.0)) -> Path:
    write_volume(path, Volume(array, SPACING, origin_mm))
    return path


def flags(folders: tuple[Path, Path, Path], *more: str) -> list[str]:
    prediction, truth, output = folders
    return ["--prediction", str(prediction), "--truth", str(truth), "--output", str(output), *more]


def read_json(output: Path) -> dict:
    return json.loads((output / "metrics.json").read_text(encoding="utf-8"))


def break_file(folders: tuple[Path, Path, Path], kind: str) -> None:
    """Make case b bad in one way."""
    prediction, truth, _ = folders
    path = prediction / "b.nii.gz"
    if kind == "other shape":
        save(path, vessel(8)[:, :, :-1])
    elif kind == "other place":
        save(path, vessel(8), origin_mm=(10.0, 20.0, 31.0))
    elif kind == "probabilities":
        save(path, vessel(8).astype(np.float32) * 0.5)
    elif kind == "labels":
        save(path, vessel(8).astype(np.uint8) + vessel(9))
    elif kind == "NaN":
        path.unlink()
        save(prediction / "b.mha", np.where(vessel(8), np.nan, 0).astype(np.float32))
    elif kind == "4D":
        import SimpleITK

        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((2, 4, 4, 4), np.uint8), isVector=False), str(path))
    elif kind == "text":
        path.write_text("not an image")
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif kind == "cut before compression":
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1000]))
    elif kind == "no prediction":
        path.unlink()
    elif kind == "no truth":
        (truth / "b.nii.gz").unlink()
    elif kind == "two predictions":
        save(prediction / "b_mask.nii.gz", vessel(8))


def call(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str]:
    """Exit code and stderr of the command, in this process."""
    with pytest.raises(SystemExit) as stop:
        run(lambda: evaluate.main(arguments))
    return stop.value.code, capsys.readouterr().err


def as_a_command(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "evaluate.py"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
