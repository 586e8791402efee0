"""Data sets of plain pairs, and the command that prepares them, for the tests of preprocess.py."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify.command_line import run
from ramify.data.files import write_volume
from ramify.disk.ledger import MARK
from ramify.preprocess import main
from tests.preprocessing.drawn_cases import bars_in_a_box

ROOT = Path(__file__).parents[2]


def write_pairs(root, count=2, ndim=3, with_organ=True):
    """A data set of plain pairs."""
    for number in range(1, count + 1):
        raw = bars_in_a_box(ndim=ndim)
        noise = np.random.default_rng(number).normal(0, 5, raw.image.shape).astype(np.float32)
        write_volume(root / f"images/case_{number}.nii.gz", raw.image.with_array(raw.image.array + noise))
        write_volume(root / f"labels/case_{number}.nii.gz", raw.vessels)
        if with_organ:
            write_volume(root / f"organs/case_{number}.nii.gz", raw.organ)
    return root


def arguments(root, output, *more):
    return ["--dataset", "pairs", "--root", str(root), "--output", str(output), *more]


def call(argv, capsys):
    """Exit code, stdout and stderr of the script."""
    with pytest.raises(SystemExit) as stop:
        run(lambda: main(argv))
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


def tree(folder):
    """Every file below a folder with its bytes; but for the ledger, which has lines in the order of writing."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARK]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def start(*argv):
    """The script as a process of its own."""
    command = [sys.executable, str(ROOT / "preprocess.py"), *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


# --- what it makes -------------------------------------------------------------------------------------------------


def replace_image(root, change):
    raw = bars_in_a_box()
    array = raw.image.array.copy()
    change(array)
    write_volume(root / "images/case_1.nii.gz", raw.image.with_array(array))
