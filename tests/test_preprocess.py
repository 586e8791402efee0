"""preprocess.py from the command line: folders in, prepared cases out, and one line for whatever cannot be."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from command_line import parse, run
from console.progress import QUIET_VARIABLE
from data.case_store import list_cases, read_case
from data.files import write_volume
from data.ledger import MARK
from preprocess import PreprocessCommand, main
from preprocessing.prepare import PreprocessingSettings, prepare_case
from tests.preprocessing.drawn_cases import bars_in_a_box

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="module")
def _no_progress():
    """What is told on stderr must not depend on how long a case takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(QUIET_VARIABLE, "1")
        yield


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A data set of four cases, and the store an uninterrupted run with one worker makes of it."""
    folder = tmp_path_factory.mktemp("whole")
    root = write_pairs(folder / "in", count=4)
    assert main(arguments(root, folder / "cases", "--folds.folds", "2")) == 0
    return root, folder / "cases"


def start(*argv):
    """The script as a process of its own."""
    command = [sys.executable, str(ROOT / "preprocess.py"), *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


# --- what it makes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_data_set_becomes_a_case_store(tmp_path, capsys, ndim):
    output = tmp_path / "cases"
    code, out, err = call(arguments(write_pairs(tmp_path / "in", ndim=ndim), output, "--folds.folds", "2"), capsys)
    assert (code, err) == (0, "")
    assert list_cases(output) == ["case_1", "case_2"]
    case = read_case(output, "case_1")
    assert set(case.arrays) == {"image", "organ", "scales", "skeleton", "tubed_skeleton", "branches"}
    assert set(np.unique(case.arrays["scales"])) == {0, 1, 2, 3}
    assert case.record["patient_id"] == "case_1"
    splits = json.loads((output / "splits_final.json").read_text(encoding="utf-8"))
    assert sorted(case for fold in splits for case in fold["val"]) == ["case_1", "case_2"]
    for figure in ("figures/case_1.png", "figures/case_2.png", "branch_radii.png"):
        assert (output / figure).read_bytes().startswith(b"\x89PNG")
    row = next(line for line in out.splitlines() if line.startswith("case_2"))
    assert f"{case.record['prepared_voxels']['vessels']:,}" in row


@pytest.mark.parametrize("size", [("32", "32", "32"), ("64", "64")])
def test_phantoms_need_no_folder(tmp_path, capsys, size):
    spacing = ["4"] * 3 if len(size) == 3 else ["1.5"] * 2
    phantom = ["--phantom.cases", "2", "--phantom.size", *size, "--phantom.spacing-mm", *spacing]
    argv = ["--dataset", "phantom", "--output", str(tmp_path), *phantom, "--phantom.trees.terminals", "8"]
    code, _, err = call([*argv, "--folds.folds", "2"], capsys)
    assert (code, err) == (0, "")
    assert list_cases(tmp_path) == ["phantom_000", "phantom_001"]
    assert read_case(tmp_path, "phantom_001").arrays["scales"].max() == 3


def test_the_settings_reach_the_cases(tmp_path, capsys):
    output, config = tmp_path / "cases", tmp_path / "settings.yaml"
    config.write_text("preprocessing:\n  grid: {size: [12, 16, 20]}\n  scales: {quantiles: [0.5]}\nfolds: {folds: 2}\n")
    root = write_pairs(tmp_path / "in")
    argv = arguments(root, output, "--config", str(config), "--preprocessing.intensity.output-range", "minus_one_one")
    assert call(argv, capsys)[0] == 0
    case = read_case(output, "case_1")
    assert case.arrays["image"].shape == (12, 16, 20)
    assert case.arrays["image"].min() < -0.5
    assert len(case.record["scales"]["voxels"]) == 2
    assert case.record["settings"]["scales"]["quantiles"] == [0.5]


def test_one_patient_is_prepared_without_folds(tmp_path, capsys):
    output = tmp_path / "cases"
    code, out, _ = call(arguments(write_pairs(tmp_path / "in", count=1), output), capsys)
    assert code == 0
    assert not (output / "splits_final.json").exists()
    assert "--fold all" in out


def test_given_splits_are_obeyed(tmp_path, capsys):
    output = tmp_path / "cases"
    output.mkdir()
    given = '[{"train": ["case_2"], "val": ["case_1"]}]'
    (output / "splits_final.json").write_text(given)
    code, out, _ = call(arguments(write_pairs(tmp_path / "in", count=3), output), capsys)
    assert code == 0
    assert (output / "splits_final.json").read_text(encoding="utf-8") == given
    assert "not in any fold: case_3" in out


def test_masks_elsewhere_are_refused_or_resampled(tmp_path, capsys):
    root = write_pairs(tmp_path / "in", count=1)
    raw = bars_in_a_box()
    shifted = dataclasses.replace(raw.vessels, array=raw.vessels.array[:, 2:], origin_mm=(10.0, -18.0, 30.0))
    write_volume(root / "labels/case_1.nii.gz", shifted)
    code, _, err = call(arguments(root, tmp_path / "cases"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "--resample-masks" in err
    code, _, err = call(arguments(root, tmp_path / "cases", "--resample-masks"), capsys)
    assert (code, err) == (0, "")
    _, expected = prepare_case(raw, PreprocessingSettings())
    assert read_case(tmp_path / "cases", "case_1").record["scales"] == expected["scales"]


# --- once is enough ------------------------------------------------------------------------------------------------


def test_workers_give_the_same_bytes(tmp_path, whole):
    root, expected = whole
    process = start(*arguments(root, tmp_path / "two", "--folds.folds", "2", "--workers", "2"))
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    assert tree(tmp_path / "two") == tree(expected)


def test_cases_that_are_there_stay_untouched(tmp_path, capsys):
    output, root = tmp_path / "cases", write_pairs(tmp_path / "in")
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    before = tree(output)
    written = {path: path.stat().st_mtime_ns for path in output.glob("case_*/*")}
    shutil.rmtree(output / "case_2")
    (output / "figures/case_1.png").unlink()
    code, out, _ = call(argv, capsys)
    assert code == 0
    assert "1 found there already" in out
    assert tree(output) == before
    assert all(path.stat().st_mtime_ns == written[path] for path in output.glob("case_1/*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path, whole, workers):
    root, expected = whole
    output = tmp_path / "killed"
    argv = arguments(root, output, "--folds.folds", "2", "--workers", str(workers))
    process = start(*argv)
    try:
        # Killed once the first case is there, wherever it is then.
        deadline = time.monotonic() + 120
        while not list_cases(output) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    assert not (output / "splits_final.json").exists()
    again = start(*argv)
    assert "taken over from preprocess.py" in again.communicate()[1]
    assert again.returncode == 0
    assert tree(output) == tree(expected)


HELD_WRITER = """
import sys
from pathlib import Path
from data.store_writers import writing
store = Path(sys.argv[1])
with writing(store):
    (store / ".tmp-case_1-1").mkdir()
    (store / ".tmp-case_1-1" / "image.npy").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs locks on folders")
@pytest.mark.parametrize("ends", ["killed", "by itself"])
def test_a_writer_of_an_earlier_run_that_still_lives_leaves_nothing(tmp_path, whole, ends):
    root, expected = whole
    output = shutil.copytree(expected, tmp_path / "cases")
    shutil.rmtree(output / "case_1")
    writer = subprocess.Popen(
        [sys.executable, "-c", HELD_WRITER, str(output)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "writing\n"
    again = start(*arguments(root, output, "--folds.folds", "2"))
    # It waits for the writer, however long that takes: nothing is prepared before.
    assert again.poll() is None
    if ends == "killed":
        writer.kill()
    writer.communicate()
    assert again.communicate()[1] == ""
    assert again.returncode == 0
    assert tree(output) == tree(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_workers_of_a_killed_run_are_gone_with_it(tmp_path, whole):
    root, _ = whole
    process = start(*arguments(root, tmp_path / "cases", "--workers", "2"))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers: list[int] = []
    while process.poll() is None and not list_cases(tmp_path / "cases"):
        workers = [int(word) for word in children.read_text(encoding="ascii").split()] or workers
    process.kill()
    process.communicate()
    # Where nobody adopts them they stay as names without a process: what counts is that nothing of them runs.
    assert len(workers) >= 2
    assert all(wait_until_dead(worker) for worker in workers)


def wait_until_dead(pid):
    """Return True once the process runs no more; the test's own time limit ends it otherwise."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)


# --- what it was made from -----------------------------------------------------------------------------------------


def test_a_corrected_label_is_seen_and_said(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    untouched = tree(output / "case_1")
    vessels = bars_in_a_box().vessels
    vessels.array[10:12, 20:23, 8:38] = True
    write_volume(root / "labels/case_2.nii.gz", vessels)
    code, out, err = call(argv, capsys)
    assert (code, err) == (0, "case_2: labels/case_2.nii.gz changed since it was prepared: made anew\n")
    assert "1 found there already" in out
    assert tree(output / "case_1") == untouched
    assert call(arguments(root, tmp_path / "new", "--folds.folds", "2"), capsys)[0] == 0
    assert tree(output) == tree(tmp_path / "new")


def test_another_root_is_refused_and_a_moved_one_taken(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    assert call(arguments(root, output, "--folds.folds", "2"), capsys)[0] == 0
    before = tree(output)
    other = shutil.copytree(root, tmp_path / "other")
    (other / "images/case_1.nii.gz").unlink()
    replace_image(other, lambda array: array.__imul__(2))
    code, _, err = call(arguments(other, output), capsys)
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(r"is another data set \(case case_1: images/case_1\.nii\.gz changed.*--output", err)
    assert tree(output) == before
    moved = root.rename(tmp_path / "moved")
    code, out, err = call(arguments(moved, output), capsys)
    assert (code, err) == (0, "")
    assert f"the data set was in {root}; its files are the same" in out
    assert "2 found there already" in out


def test_a_vanished_case_is_said_and_dropped_on_request(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=4), tmp_path / "cases"
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    for folder in "images", "labels", "organs":
        (root / folder / "case_4.nii.gz").unlink()
    code, _, err = call(argv, capsys)
    assert code == 0
    assert err == "case_4: not in the data set any more, stays prepared; --drop-vanished drops it\n"
    assert list_cases(output) == ["case_1", "case_2", "case_3", "case_4"]
    code, _, err = call([*argv, "--drop-vanished"], capsys)
    assert code == 0
    assert err.endswith("case_4: dropped\n")
    assert list_cases(output) == ["case_1", "case_2", "case_3"]
    assert "case_4" not in (output / "splits_final.json").read_text(encoding="utf-8")
    assert call(argv, capsys)[::2] == (0, "")


def test_verify_reads_sources_and_arrays(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    assert call(arguments(root, output), capsys)[0] == 0
    path = output / "case_1/image.npy"
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:-2] + bytes([whole_file[-2] ^ 1]) + whole_file[-1:])
    code, _, err = call(arguments(root, output, "--verify"), capsys)
    assert code == 0
    assert err == "case_1: damaged case (image.npy is not what was written; its SHA-256 differs): made anew\n"
    assert path.read_bytes() == whole_file


def test_other_settings_do_not_mix_into_a_store(tmp_path, capsys):
    output, root = tmp_path / "cases", write_pairs(tmp_path / "in")
    assert call(arguments(root, output, "--folds.folds", "2"), capsys)[0] == 0
    before = tree(output)
    code, _, err = call(arguments(root, output, "--preprocessing.scales.estimator", "paper"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "preprocessing.scales.estimator" in err
    assert tree(output) == before


def test_torch_is_not_loaded():
    code = "import sys, preprocess; print('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- bad input -----------------------------------------------------------------------------------------------------


def replace_image(root, change):
    raw = bars_in_a_box()
    array = raw.image.array.copy()
    change(array)
    write_volume(root / "images/case_1.nii.gz", raw.image.with_array(array))


def one_nan(array):
    array[1, 2, 3] = np.nan


def write_4d(root):
    import SimpleITK as sitk

    stack = [sitk.GetImageFromArray(np.random.default_rng(0).random((24, 40, 44), np.float32)) for _ in range(2)]
    sitk.WriteImage(sitk.JoinSeries(stack), root / "images/case_1.nii.gz")


def write_spacing_zero(root):
    import gzip

    path = root / "images/case_1.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    # pixdim[1] of a NIfTI-1 header.
    content[80:84] = np.float32(0).tobytes()
    path.write_bytes(gzip.compress(content))


BROKEN = {
    "NaN image": (lambda root: replace_image(root, one_nan), "case_1.*NaN"),
    "constant image": (lambda root: replace_image(root, lambda array: array.fill(40)), "case_1.*constant"),
    "no organ mask": (lambda root: shutil.rmtree(root / "organs"), r"case_1.*no organ.*--preprocessing\.grid\.crop"),
    "spacing 0": (write_spacing_zero, "case_1.*spacing"),
    "4D image": (write_4d, "case_1.*4"),
    "truncated file": (
        lambda root: (root / "images/case_1.nii.gz").write_bytes((root / "images/case_1.nii.gz").read_bytes()[:900]),
        "case_1",
    ),
    "text file": (lambda root: (root / "images/case_1.nii.gz").write_text("not an image"), "case_1"),
    "probabilities": (
        lambda root: write_volume(
            root / "labels/case_1.nii.gz",
            bars_in_a_box().image.with_array(np.random.default_rng(0).random((24, 40, 44), np.float32)),
        ),
        "case_1.*probabilities",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_case_is_one_line_and_leaves_nothing(tmp_path, capsys, name):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    damage, message = BROKEN[name]
    damage(root)
    code, _, err = call(arguments(root, output), capsys)
    assert code != 0
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert not output.exists()


def test_the_others_go_on_without_a_broken_case(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=3), tmp_path / "cases"
    replace_image(root, one_nan)
    code, out, err = call(arguments(root, output, "--folds.folds", "3"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert list_cases(output) == ["case_2", "case_3"]
    assert not (output / "splits_final.json").exists()
    assert "1 of 3 cases failed" in out
    # Mended, the same command finishes the store.
    write_pairs(root, count=1)
    code, _, err = call(arguments(root, output, "--folds.folds", "3"), capsys)
    assert (code, err) == (0, "")
    assert list_cases(output) == ["case_1", "case_2", "case_3"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--dataset", "irkadb"], "ircadb"),
        (["--root", "no/such/folder"], "no/such/folder"),
        (["--preprocessing.grid.crop", "liver"], "crop"),
        (["--preprocessing.grid.sizes", "4", "4", "4"], r"preprocessing\.grid\.size"),
        (["--preprocessing.grid.margin-mm", "-1"], "margin"),
        (["--preprocessing.grid.spacing-mm", "0", "1", "1"], "spacing"),
        (["--preprocessing.scales.quantiles", "1.5"], "quantiles"),
        (["--workers", "0"], "workers"),
        (["--folds.folds", "1"], "folds"),
        (["--config", "no_such.yaml"], r"no_such\.yaml"),
    ],
)
def test_bad_arguments_are_one_line_and_leave_nothing(tmp_path, capsys, more, message):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    code, _, err = call(arguments(root, output, *more), capsys)
    assert code != 0
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_one_line(tmp_path, capsys):
    root = write_pairs(tmp_path / "in", count=1)
    (tmp_path / "file").write_text("in the way")
    code, _, err = call(arguments(root, tmp_path / "file/cases"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "choose another output" in err


def test_a_case_without_a_vessel_is_kept_and_told(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=2), tmp_path / "cases"
    write_volume(root / "labels/case_1.nii.gz", bars_in_a_box().image.with_array(np.zeros((24, 40, 44), bool)))
    code, out, err = call(arguments(root, output, "--folds.folds", "2"), capsys)
    assert code == 0
    assert re.search(r"^warning: case_1: its vessel mask is empty: kept", err, re.M)
    assert "warning: case_2" not in err
    assert re.search(r"^case_1 +0 +0 +-$", out, re.M)
    assert (output / "figures" / "case_1.png").is_file()
    assert (output / "splits_final.json").is_file()


def test_more_folds_than_patients_is_one_line(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=2), tmp_path / "cases"
    code, _, err = call(arguments(root, output, "--folds.folds", "3"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "2 patients" in err
    assert not (output / "splits_final.json").exists()
    # The cases are kept: with fewer folds the same command ends at once.
    assert call(arguments(root, output, "--folds.folds", "2"), capsys)[0] == 0


# --- shipped settings ----------------------------------------------------------------------------------------------

CONFIGS = sorted((ROOT / "configs/preprocessing").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_settings_are_valid_and_explained(path):
    settings = parse(PreprocessCommand, "", ["--config", str(path), "--output", "elsewhere"])
    assert settings.output == Path("elsewhere")
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    uncommented = [line for line in lines if "#" not in line and not line.endswith(":")]
    assert not uncommented
