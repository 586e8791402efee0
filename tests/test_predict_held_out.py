"""predict.py on a run's own cases: each by the network that did not see it; and a word where a network did."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ramify import predict, preprocess
from ramify.data.case_store import read_case, read_record
from ramify.data.files import read_volume, write_volume
from ramify.data.volume import Volume
from ramify.training.checkpoint import save_checkpoint
from ramify.training.clean_up import CleanUp, MaskRule
from ramify.training.same_cases import identities_of
from tests.case_processes import cases_done_here
from tests.tiny_checkpoints import untrained_state

CASES = ("a", "b", "c", "d")
HELD_OUT = {0: ("a", "b"), 1: ("c", "d")}
SPACING_MM = (2.0, 1.5, 1.5)


def write_data_set(root: Path) -> Path:
    """Four CTs with an organ and a vessel in it, as pairs; the organs lie in the data set."""
    for number, case_id in enumerate(CASES):
        organ = np.zeros((14, 16, 16), np.uint8)
        organ[2:12, 2:14, 2 : 13 + number % 3] = 1
        vessel = np.zeros_like(organ)
        vessel[3:11, 6:9, 6:10] = 1
        noise = np.random.default_rng(number).normal(0, 8, organ.shape)
        ct = (np.where(vessel, 90.0, 20.0) + noise).astype(np.float32)
        arrays: dict[str, np.ndarray] = {"images": ct, "labels": vessel, "organs": organ}
        for folder, array in arrays.items():
            write_volume(root / folder / f"{case_id}.nii.gz", Volume(array, SPACING_MM))
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATA, the prepared cases in STORE, and RUN with two folds of untrained networks that differ."""
    folder = tmp_path_factory.mktemp("held_out")
    root = write_data_set(folder / "data")
    words = ["--dataset", "pairs", "--root", str(root), "--output", str(folder / "store"), "--folds.folds", "2"]
    with cases_done_here():
        assert preprocess.main([*words, "--preprocessing.grid.size", "16", "16", "16"]) == 0
    write_run(folder / "run", folder / "store")
    return folder


def write_run(run: Path, store: Path, **changes: object) -> None:
    cases = {case_id: read_case(store, case_id) for case_id in CASES}
    for fold, val in HELD_OUT.items():
        train = [case_id for case_id in CASES if case_id not in val]
        state = {
            **untrained_state((16, 16, 16), seed=fold, config={"cases": str(store)}),
            "preprocessing": read_record(store, "a")["settings"],
            "cases": {"train": train, "val": list(val)},
            "identities": identities_of(cases),
            "sources": {case_id: cases[case_id].known.source_digests for case_id in train},
            **changes,
        }
        for name in ("best", "final"):
            save_checkpoint(run / f"fold_{fold}" / "checkpoints" / f"{name}.pt", state)


def predicted(folder: Path) -> dict[str, np.ndarray]:
    return {case_id: read_volume(folder / f"{case_id}_probabilities.nii.gz").array for case_id in CASES}


def words_for(made: Path, output: Path, *more: str) -> list[str]:
    return ["--checkpoint", str(made / "run"), "--output", str(output), "--device", "cpu", *more]


def test_each_case_is_predicted_by_the_network_that_did_not_see_it(made, tmp_path, capsys):
    assert predict.main(words_for(made, tmp_path / "held_out", "--held-out")) == 0
    told = capsys.readouterr()
    assert "held out: 4 cases of 2 folds, each by the network that did not see it" in told.out + told.err
    assert "trained on" not in told.err
    found = predicted(tmp_path / "held_out")
    by_fold = {}
    for fold in HELD_OUT:
        given = ["--input", str(made / "data" / "images"), "--organ", str(made / "data" / "organs"), "--device", "cpu"]
        words = ["--checkpoint", str(made / "run" / f"fold_{fold}"), "--output", str(tmp_path / str(fold))]
        assert predict.main([*words, *given]) == 0
        by_fold[fold] = predicted(tmp_path / str(fold))
    for fold, cases in HELD_OUT.items():
        for case_id in cases:
            np.testing.assert_array_equal(found[case_id], by_fold[fold][case_id])
            assert not np.array_equal(found[case_id], by_fold[1 - fold][case_id])
    mask = read_volume(tmp_path / "held_out" / "a.nii.gz")
    assert (mask.array.shape, mask.spacing_mm) == ((14, 16, 16), SPACING_MM), "the CT's own grid"
    (tmp_path / "held_out" / "c.nii.gz").unlink()
    assert predict.main(words_for(made, tmp_path / "held_out", "--held-out", "--resume")) == 0
    assert "resumed: 3 of 4 cases are in" in capsys.readouterr().out
    np.testing.assert_array_equal(predicted(tmp_path / "held_out")["c"], found["c"])


def test_one_fold_alone_does_its_own_cases_and_says_which_are_not_done(made, tmp_path, capsys):
    words = ["--checkpoint", str(made / "run" / "fold_1"), "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert predict.main([*words, "--held-out", "--no-probabilities"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == ["c.nii.gz", "d.nii.gz"]
    assert "warning: 2 of 4 cases are held out by no fold here: a, b\n" in capsys.readouterr().err


def test_a_test_set_is_said_to_be_given_as_input(made, tmp_path, capsys):
    splits = made / "store" / "splits_final.json"
    before = splits.read_bytes()
    splits.write_text(json.dumps([{"train": ["b"], "val": ["c", "d"], "test": ["a"]}]), encoding="utf-8")
    try:
        words = ["--checkpoint", str(made / "run" / "fold_1"), "--output", str(tmp_path / "out"), "--device", "cpu"]
        assert predict.main([*words, "--held-out", "--no-probabilities"]) == 0
    finally:
        splits.write_bytes(before)
    assert "no fold here: a, b; of these 1 in the test set: give their images as --input" in capsys.readouterr().err


def test_cts_that_the_networks_were_trained_on_are_named(made, tmp_path, capsys):
    """By their names in one line; by their files, whatever these are called; and no word of others."""
    images = made / "data" / "images"
    folder = tmp_path / "in"
    folder.mkdir()
    for source, name in {"a": "a", "c": "c", "d": "renamed"}.items():
        shutil.copy(images / f"{source}.nii.gz", folder / f"{name}.nii.gz")
    words = ["--output", str(tmp_path / "out"), "--input", str(folder), "--device", "cpu", "--no-probabilities"]
    assert predict.main(["--checkpoint", str(made / "run" / "fold_0"), *words]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "trained on" in line]
    assert len(told) == 2
    assert told[0].startswith(
        "warning: by name, the networks were trained on 1 of 3 cases (c): scores of such masks are"
    )
    assert told[1].startswith("warning: renamed: renamed.nii.gz is the file of d, which the networks were trained on")
    assert predict.main(["--checkpoint", str(made / "run"), *words]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "trained on" in line]
    assert told[0].startswith("warning: by name, the networks were trained on 2 of 3 cases (a, c): ")


def test_a_stripped_checkpoint_and_other_cts_say_nothing(made, tmp_path, capsys):
    state = untrained_state((16, 16, 16))
    save_checkpoint(tmp_path / "slim.pt", {**state, "preprocessing": read_record(made / "store", "a")["settings"]})
    words = [
        "--input",
        str(made / "data" / "images" / "a.nii.gz"),
        "--output",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    assert predict.main(["--checkpoint", str(tmp_path / "slim.pt"), *words]) == 0
    told = capsys.readouterr()
    assert "trained on 1 of" not in told.err
    assert "of what lies outside the organ it has learned nothing" in told.out + told.err


def store_of_a_copy(made: Path, folder: Path) -> Path:
    """The prepared cases again, made from a copy of the data set in folder/data."""
    shutil.copytree(made / "data", folder / "data")
    shutil.copytree(made / "store", folder / "store")
    for case_id in CASES:
        sources = json.dumps({"root": str(folder / "data"), "stamps": {}})
        (folder / "store" / case_id / "sources.json").write_text(sources, encoding="utf-8")
    return folder / "store"


def test_what_is_not_as_it_was_prepared_costs_the_case_alone(made, tmp_path, capsys):
    store = store_of_a_copy(made, tmp_path)
    path = tmp_path / "data" / "images" / "b.nii.gz"
    ct = read_volume(path)
    path.unlink()
    write_volume(path, ct.with_array(ct.array + 1))
    words = words_for(made, tmp_path / "out", "--held-out", "--no-probabilities", "--cases", str(store))
    assert predict.main(words) == 1
    told = capsys.readouterr()
    assert "images/b.nii.gz changed since the case was prepared; run preprocess.py again" in told.err
    assert "3 of 4 cases segmented" in told.out


def test_organ_masks_elsewhere_are_asked_for_and_taken(made, tmp_path, capsys):
    store = store_of_a_copy(made, tmp_path)
    shutil.move(tmp_path / "data" / "organs", tmp_path / "organs")
    words = words_for(made, tmp_path / "out", "--held-out", "--cases", str(store))
    assert predict.main(words) == 1
    assert "does not say where organs/a.nii.gz lies, which is no part of the data set; give --organ" in (
        capsys.readouterr().err
    )
    assert predict.main([*words, "--organ", str(tmp_path / "organs")]) == 0
    assert predict.main(words_for(made, tmp_path / "usual", "--held-out")) == 0
    for case_id, found in predicted(tmp_path / "out").items():
        np.testing.assert_array_equal(found, predicted(tmp_path / "usual")[case_id])


def test_a_data_set_that_is_gone_is_named(made, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(made / "store", store)
    for case_id in CASES:
        (store / case_id / "sources.json").write_text('{"root": "/nowhere/data", "stamps": {}}', encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"^/nowhere/data: the data set of .*store is not there any more; tell"):
        predict.main(words_for(made, tmp_path / "out", "--held-out", "--cases", str(store)))
    assert not (tmp_path / "out").exists()


def test_what_was_learned_of_these_cases_does_not_clean_them_up(made, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(made / "run", run)
    rules = {"vessel": MaskRule(smallest_mm3=1e6)}
    learned = CleanUp(weights="final", epochs={}, rules=rules)
    (run / "clean_up.json").write_text(learned.model_dump_json(), encoding="utf-8")
    words = ["--checkpoint", str(run), "--output", str(tmp_path / "out"), "--device", "cpu", "--held-out"]
    assert predict.main(words) == 0
    assert "note: --held-out: masks are not cleaned up" in capsys.readouterr().err
    assert not (tmp_path / "out" / "clean_up.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--input PATH: missing; the CTs to segment, or --held-out for the run's own cases"),
        (
            ["--input", "x", "--held-out"],
            "--input: --held-out reads the cases as they were prepared; leave one of them",
        ),
        (["--channels", "_0000", "--held-out"], "--channels: --held-out reads the cases as they were prepared"),
        (["--input", "x", "--cases", "y"], "--cases: goes with --held-out; leave it out"),
    ],
)
def test_what_does_not_go_together(made, tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        predict.main(words_for(made, tmp_path / "out", *words))


def test_a_fold_that_saw_its_own_cases_is_refused(made, tmp_path):
    run = tmp_path / "run"
    write_run(run, made / "store", cases={"train": list(CASES), "val": list(CASES)})
    words = ["--checkpoint", str(run), "--output", str(tmp_path / "out"), "--device", "cpu", "--held-out"]
    with pytest.raises(
        ValueError, match=r"final\.pt: has trained on what it validates on \(a\); move fold_0 elsewhere"
    ):
        predict.main(words)
