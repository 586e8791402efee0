"""Kernels are compiled and kept where that can be, and compiled all the same where it cannot."""

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify.compilation import _never_fail_to_save as never_fail_to_save
from ramify.compilation import compiled
from ramify.data.files import write_volume
from ramify.data.volume import Volume

ROOT = Path(__file__).parents[2]
KERNEL = """
import sys
sys.path.insert(0, {root!r})
from ramify.compilation import compiled, what_compiling_takes

@compiled(nogil=True)
def doubled(number):
    return 2 * number

print(what_compiling_takes(doubled).partition(",")[0])
print(doubled(21), doubled._cache.cache_path is not None)
"""


def run_kernel(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    (folder / "kernel.py").write_text(KERNEL.format(root=str(ROOT)), encoding="utf-8")
    given = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    return subprocess.run(
        [sys.executable, str(folder / "kernel.py")],
        env={**given, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        encoding="utf-8",
    )


def test_the_compiled_code_is_kept(tmp_path):
    done = run_kernel(tmp_path)
    assert (done.returncode, done.stdout) == (0, "compiling\n42 True\n"), done.stderr
    assert list((tmp_path / "__pycache__").glob("*.nbc"))


@pytest.mark.integration
def test_what_is_kept_is_not_told_to_be_compiled(tmp_path):
    run_kernel(tmp_path)
    (index,) = (tmp_path / "__pycache__").glob("*.nbi")
    for written, told in ((None, "\n42 True\n"), (0, "compiling\n42 True\n")):
        if written is not None:
            os.utime(index, (written, written))
        again = subprocess.run(
            # Writing the file again would make another version of the source.
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import kernel"],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            encoding="utf-8",
        )
        assert again.stdout == told, again.stderr


def test_without_any_place_for_a_cache_it_is_compiled_anyway(tmp_path):
    # Files where the folders of the caches would have to be: nobody, root neither, can make a folder there.
    for name in "__pycache__", "home":
        (tmp_path / name).write_text("in the way", encoding="utf-8")
    done = run_kernel(tmp_path, HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "compiling: a minute or so at every start\n42 False\n"


def test_a_full_disk_costs_the_copy_alone():
    @compiled()
    def tripled(number):
        return 3 * number

    class Full:
        def save_overload(self, signature, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    tripled._cache = Full()
    never_fail_to_save(tripled._cache)
    tripled._cache.load_overload = lambda signature, target: None
    assert tripled(14) == 42


@pytest.mark.parametrize("stage", ["evaluate", "analyse"])
def test_commands_say_that_they_compile(stage, tmp_path, monkeypatch, capsys):
    command = importlib.import_module(f"ramify.{stage}")
    mask = np.zeros((8, 16, 16), bool)
    mask[2:6, 6:9, 2:14] = True
    write_volume(tmp_path / "masks" / "a.nii.gz", Volume(mask, (1.0, 1.0, 1.0)))
    masks = str(tmp_path / "masks")
    given = ["--prediction", masks, "--truth", masks] if stage == "evaluate" else ["--input", masks]
    monkeypatch.setattr(f"ramify.stages.{stage}.what_compiling_takes", lambda kernel: "kernels are compiled")
    assert command.main([*given, "--output", str(tmp_path / "out")]) == 0
    assert "kernels are compiled\n" in capsys.readouterr().err
