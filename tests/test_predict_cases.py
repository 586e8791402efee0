"""Several CTs in one call of predict.py: each comes out as it does alone, and one that fails costs itself alone."""

import csv
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ramify import predict
from ramify.data.files import read_volume, write_volume
from ramify.data.input_reading import Inputs
from ramify.disk.ledger import MARK
from ramify.processes.crew import Processes
from ramify.processes.folder_lock import held
from ramify.stages import predict as stage
from ramify.training import case_prediction
from ramify.training.case_prediction import Segmented
from ramify.training.checkpoint import save_checkpoint
from ramify.training.predictor import Predictor
from tests.tiny_checkpoints import untrained_state, write_fold
from tests.turned_ct import SHAPE, ct_with_vessel


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_fold(tmp_path / "run", 0)


def test_one_bad_case_does_not_cost_the_others(checkpoint, tmp_path, capsys):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "in" / "good.nii.gz", image)
    (tmp_path / "in" / "bad.nii.gz").write_text("not an image")
    write_volume(tmp_path / "in" / "flat.nii.gz", image.with_array(np.zeros(SHAPE, np.float32)))
    for name in ("good", "bad", "flat"):
        write_volume(tmp_path / "organs" / f"{name}.nii.gz", organ)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--organ", str(tmp_path / "organs")]
    assert predict.main([*words, "--output", str(tmp_path / "out"), "--device", "cpu"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert errors[0].startswith("error: bad: ")
    assert "constant" in errors[1]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == [
        "good.nii.gz",
        "good_probabilities.nii.gz",
    ]
    with (tmp_path / "out" / "failures.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [f"error: {row['case']}: {row['error']}" for row in rows] == errors


def test_shares_of_the_cases_fill_one_folder_between_them(checkpoint, tmp_path, capsys):
    image, _, _ = ct_with_vessel()
    for name in ("a", "b", "c"):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image)
    (tmp_path / "in" / "b.nii.gz").write_text("not an image")
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    words += ["--device", "cpu", "--no-probabilities"]
    assert predict.main([*words, "--limit", "1"]) == 0
    assert [path.name for path in (tmp_path / "out").glob("[!.]*.nii.gz")] == ["a.nii.gz"]
    assert predict.main([*words, "--shard", "1/2"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*.nii.gz")) == ["a.nii.gz", "c.nii.gz"]
    assert predict.main([*words, "--shard", "2/2"]) == 1
    assert "error: b: " in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*.nii.gz")) == ["a.nii.gz", "c.nii.gz"]


@pytest.mark.parametrize("workers", [1, 2])
def test_resumed_it_segments_what_is_not_there_or_would_come_out_otherwise(checkpoint, tmp_path, capsys, workers):
    image, organ, _ = ct_with_vessel()
    for name in "abcd":
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image)
        write_volume(tmp_path / "organs" / f"{name}.nii.gz", organ)
    out = tmp_path / "out"
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--organ", str(tmp_path / "organs")]
    words += ["--device", "cpu", "--output", str(out), "--resume"]

    def masks_made(*more: str) -> str:
        before = {path.name[0]: path.stat().st_ino for path in out.glob("?.nii.gz")}
        assert predict.main([*words, *more]) == 0
        assert {"a", "b", "c", "d"} == {path.name[0] for path in out.glob("?.nii.gz")}
        return "".join(sorted(p.name[0] for p in out.glob("?.nii.gz") if before.get(p.name[0]) != p.stat().st_ino))

    # Where they were made makes no difference.
    assert masks_made("--workers", str(workers)) == "abcd"
    assert masks_made() == ""
    assert "resumed: 4 of 4 cases are in" in capsys.readouterr().out
    # A CT that was replaced, an organ mask that was corrected, a file of the result that is gone.
    write_volume(tmp_path / "in" / "a.nii.gz", image.with_array(image.array + 1))
    smaller = organ.array.copy()
    smaller[:6] = 0
    write_volume(tmp_path / "organs" / "b.nii.gz", organ.with_array(smaller))
    (out / "c_probabilities.nii.gz").unlink()
    assert masks_made() == "abc"
    assert masks_made("--mirror", "x") == "abcd"
    assert masks_made("--limit", "2", "--mirror", "x", "--inference.windows-at-once", "1") == ""
    # To go on with another network would replace what the first one made.
    write_fold(tmp_path / "run", 0, epoch=2)
    made = {path: path.read_bytes() for path in out.iterdir() if path.is_file()}
    with pytest.raises(
        ValueError, match=r"^--resume: .*a\.nii\.gz was made by other networks \(.*best\.pt\); choose an"
    ):
        masks_made("--mirror", "x")
    assert {path: path.read_bytes() for path in out.iterdir() if path.is_file()} == made


@pytest.fixture
def resumed(checkpoint, tmp_path) -> Callable[..., int]:
    """predict.py --resume over the cases a and b, whose organs are label 1 of label maps."""
    image, organ, _ = ct_with_vessel()
    for name in "ab":
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image)
        write_volume(tmp_path / "organs" / f"{name}.nii.gz", organ.with_array(organ.array.astype(np.uint8)))
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--organ", str(tmp_path / "organs")]
    words += ["--device", "cpu", "--no-probabilities", "--no-read-ahead"]
    return lambda *more: predict.main([*words, "--output", str(tmp_path / "out"), "--resume", *more])


def test_resumed_what_cannot_be_read_any_more_costs_itself_alone_and_is_in_the_table(resumed, tmp_path, capsys):
    assert resumed() == 0
    organ = tmp_path / "organs" / "b.nii.gz"
    organ.rename(tmp_path / "elsewhere.nii.gz")
    capsys.readouterr()
    assert resumed() == 1
    told = capsys.readouterr()
    assert "resumed: 1 of 2 cases are in" in told.out
    assert "error: b: " in told.err
    table = (tmp_path / "out" / "failures.csv").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in table.splitlines()] == ["case", "b"], "though none was segmented"
    (tmp_path / "elsewhere.nii.gz").rename(organ)
    assert resumed() == 0
    assert "no case is left to segment" in capsys.readouterr().out
    assert not (tmp_path / "out" / "failures.csv").exists()


def test_a_mask_that_was_corrected_while_a_network_was_at_work_is_used_when_resumed(
    resumed, tmp_path, monkeypatch, capsys
):
    organ, predicted = ct_with_vessel()[1], Predictor.predict

    def meanwhile(self, images, its_organ, name, **shown):
        if Path(name).name == "b.nii.gz":
            changed = organ.array.astype(np.uint8)
            changed[:6] = 0
            write_volume(tmp_path / "organs" / "b.nii.gz", organ.with_array(changed))
        return predicted(self, images, its_organ, name, **shown)

    with monkeypatch.context() as changing:
        changing.setattr(Predictor, "predict", meanwhile)
        assert resumed() == 0
    capsys.readouterr()
    assert resumed() == 0
    assert "resumed: 1 of 2 cases are in" in capsys.readouterr().out


def test_labels_that_are_called_otherwise_are_another_organ(resumed, tmp_path, capsys):
    description = tmp_path / "organs" / "dataset.json"
    description.write_text('{"labels": {"liver": 1}}', encoding="utf-8")
    assert resumed("--organ-labels", "liver") == 0
    description.write_text('{"labels": {"liver": 2, "spleen": 1}}', encoding="utf-8")
    assert resumed("--organ-labels", "liver") == 1
    assert "resumed: 0 of 2 cases are in" in capsys.readouterr().out


def test_maps_of_an_earlier_prediction_do_not_stay_beside_another_mask(resumed, tmp_path):
    maps = tmp_path / "out" / "a_probabilities.nii.gz"
    assert resumed("--probabilities", "--limit", "1") == 0
    assert maps.exists()
    assert resumed("--limit", "1", "--mirror", "x") == 0
    assert not maps.exists()
    maps.write_text("not of Ramify's", encoding="utf-8")
    assert resumed("--limit", "1") == 0
    assert maps.exists()


def test_a_kill_amid_the_files_of_a_case_leaves_no_record_of_what_was_there_before(resumed, tmp_path, monkeypatch):
    assert resumed() == 0
    record = tmp_path / "out" / "a_prediction.json"
    there = []

    def killed(path, volume):
        there.append(record.exists())
        raise OSError("killed")

    monkeypatch.setattr(case_prediction, "write_volume", killed)
    assert resumed("--mirror", "x", "--limit", "1") == 1
    assert there == [False]


@pytest.mark.parametrize(("device", "takes_gpu"), [("auto", True), ("cpu", False)])
def test_on_a_cluster_a_case_takes_a_gpu_unless_the_cpu_is_to_compute(
    checkpoint, tmp_path, monkeypatch, device, takes_gpu
):
    write_volume(tmp_path / "in" / "a.nii.gz", ct_with_vessel()[0])
    asked = []

    def give_out(do, case_ids, settings, lost, processes):
        asked.append(processes)
        return map(Segmented, case_ids)

    monkeypatch.setattr(stage, "case_reports", give_out)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    assert predict.main([*words, "--device", device, "--cluster", "tcp://127.0.0.1:1"]) == 0
    assert asked == [Processes(takes_gpu=takes_gpu)]


def test_the_next_ct_is_read_while_one_is_segmented(checkpoint, tmp_path, monkeypatch, capsys):
    """And each comes out as it does alone; the second one cannot be read, which costs it alone."""
    image, _, _ = ct_with_vessel()
    for place, name in enumerate("abc"):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image.with_array(image.array * (1 + place)))
    (tmp_path / "in" / "b.nii.gz").write_text("not an image")
    began = {name: threading.Event() for name in "abc"}
    read, predicted, waited = Inputs.read, Predictor.predict, []

    def read_and_tell(self, case):
        began[case.case_id].set()
        return read(self, case)

    def predict_once_the_next_is_read(self, images, organ, name, **shown):
        if Path(name).name == "a.nii.gz":
            waited.append(began["b"].wait(30))
        return predicted(self, images, organ, name, **shown)

    monkeypatch.setattr(Inputs, "read", read_and_tell)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--device", "cpu"]
    assert predict.main([*words, "--output", str(tmp_path / "one_by_one"), "--no-read-ahead"]) == 1
    for event in began.values():
        event.clear()
    monkeypatch.setattr(Predictor, "predict", predict_once_the_next_is_read)
    capsys.readouterr()
    assert predict.main([*words, "--output", str(tmp_path / "ahead")]) == 1
    told = capsys.readouterr()
    assert waited == [True]
    assert "error: b: " in told.err
    assert "2 of 3 cases segmented" in told.out
    for name in "ac":
        found = [read_volume(tmp_path / out / f"{name}_probabilities.nii.gz").array for out in ("one_by_one", "ahead")]
        np.testing.assert_array_equal(*found)


def test_others_may_segment_other_cases_into_the_folder_meanwhile(checkpoint, tmp_path, capsys):
    image, _, _ = ct_with_vessel()
    for name in ("theirs", "ours"):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image)
    words = ["--checkpoint", str(checkpoint), "--output", str(tmp_path / "out"), "--device", "cpu"]
    (tmp_path / "out").mkdir()
    with held(tmp_path / "out", "predict.py", "theirs"):
        assert predict.main([*words, "--input", str(tmp_path / "in" / "ours.nii.gz")]) == 0
        assert predict.main([*words, "--input", str(tmp_path / "in")]) == 1
        assert "error: theirs: " in (said := capsys.readouterr().err)
        assert "at work on it" in said
    names = [path.name for path in (tmp_path / "out").iterdir() if path.name != MARK]
    assert sorted(names) == ["failures.csv", "ours.nii.gz", "ours_prediction.json", "ours_probabilities.nii.gz"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
        ),
    ],
)
def test_a_case_too_large_for_memory_does_not_cost_the_others(checkpoint, tmp_path, capsys, monkeypatch, error):
    image, organ, _ = ct_with_vessel()
    for name in ("a", "large", "z"):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image)
        write_volume(tmp_path / "organs" / f"{name}.nii.gz", organ)
    predicted = Predictor.predict

    def predict_or_fail(self, image, organ, name, **shown):
        if Path(name).name == "large.nii.gz":
            raise error
        return predicted(self, image, organ, name, **shown)

    monkeypatch.setattr(Predictor, "predict", predict_or_fail)
    words = ["--checkpoint", str(tmp_path / "run"), "--input", str(tmp_path / "in"), "--device", "cpu"]
    words += ["--organ", str(tmp_path / "organs"), "--output", str(tmp_path / "out"), "--no-probabilities"]
    assert predict.main(words) == 1
    told = capsys.readouterr()
    assert "error: large: out of memory: use a smaller --inference.window" in told.err
    assert "2 of 3 cases segmented" in told.out
    assert (tmp_path / "out" / "z.nii.gz").is_file()


def test_a_network_that_answers_nan_costs_the_case_and_is_named(checkpoint, tmp_path, capsys, monkeypatch):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "ct.nii.gz", image)
    write_volume(tmp_path / "organ.nii.gz", organ)
    # A variance below zero passes for a number, and its root is none.
    state = untrained_state((16, 16, 16))
    name = next(name for name in state["model"] if name.endswith("running_var"))
    state["model"][name] = -torch.ones_like(state["model"][name])
    save_checkpoint(checkpoint, state)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "ct.nii.gz"), "--device", "cpu"]
    words += ["--organ", str(tmp_path / "organ.nii.gz"), "--output", str(tmp_path / "out")]
    for more, where in (
        ([], "over the whole volume"),
        (["--inference.window", "8", "8", "8"], "in the window of voxels"),
    ):
        assert predict.main([*words, *more]) == 1
        told = capsys.readouterr()
        assert f"ct.nii.gz: the network's output {where}" in told.err
        assert "0 of 1 cases segmented" in told.out
    assert not list((tmp_path / "out").glob("*.nii.gz"))
