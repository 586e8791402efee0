"""One run for real, small: trained, segmented, scored; not done again; and refused where it was begun otherwise."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ramify.comparison.results import read_results
from ramify.data.case_store import read_case, write_case
from ramify.data.files import read_mask, write_volume
from ramify.data.volume import Volume
from ramify.disk.atomic_files import write_whole
from ramify.experiments.held_out import mask_file, score_held_out
from ramify.experiments.plan import Run
from ramify.experiments.runs import (
    Ending,
    carry_out,
    check_unchanged,
    ending_of,
    epochs_done,
    record_ending,
    results_file,
)
from ramify.experiments.settings import Further
from ramify.metrics.case import evaluate_case
from ramify.metrics.measure import DEFINITIONS
from ramify.metrics.settings import EvaluationSettings
from ramify.training.checkpoint import load_checkpoint
from ramify.training.predictor import Predictor
from ramify.training.probe import balanced_accuracy, probe_cases
from ramify.training.settings import RunSettings
from ramify.training.trained_network import network_of

EVALUATION = EvaluationSettings(measures=("overlap",))


def run_of(cases: Path, output: Path, **settings: object) -> Run:
    given = {
        "cases": cases,
        "output": output,
        "resume": True,
        "device": "cpu",
        "model": {"tasks": {"auxiliary": "none"}, "levels": 2, "base_channels": 2},
        "train": {"epochs": 2, "augment": False},
        "validation": {"every": 100, "figures_every": 100},
        **settings,
    }
    return Run("a", 0, 0, RunSettings.model_validate(given), None, Further(EVALUATION))


@pytest.fixture(scope="module")
def trained(tiny_cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_of(tiny_cases, tmp_path_factory.mktemp("runs"))
    assert epochs_done(run) == 0
    carry_out(run)
    return run


@pytest.fixture
def finished(trained: Run, tmp_path: Path) -> Run:
    """A copy for each test: some change what is in it."""
    shutil.copytree(trained.settings.output, tmp_path / "runs")
    return run_of(trained.settings.cases, tmp_path / "runs")


def test_a_run_is_trained_and_its_held_out_case_scored(finished):
    assert epochs_done(finished) == 2
    report = json.loads(results_file(finished).read_text(encoding="utf-8"))
    assert list(report["cases"]) == ["case_3"]
    # By hand: the last weights, on the prepared grid, inside the organ.
    case = read_case(finished.settings.cases, "case_3")
    probabilities = Predictor(finished.folder.checkpoint("final"), "cpu").predict_prepared(case.arrays["image"])[0]
    truth = np.asarray(case.arrays["scales"]) > 0
    expected = evaluate_case(probabilities >= 0.5, truth, (2.0, 1.0, 1.0), EVALUATION)
    assert report["cases"]["case_3"] == expected
    mask = read_mask(mask_file(finished.folder, "case_3"))
    assert mask.spacing_mm == (2.0, 1.0, 1.0)
    np.testing.assert_array_equal(mask.array, probabilities >= 0.5)


@pytest.fixture
def two_held_out(tiny_cases: Path, tmp_path: Path) -> Path:
    """Four prepared cases, two of which are held out."""
    store = tmp_path / "cases"
    shutil.copytree(tiny_cases, store)
    splits = [{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}]
    (store / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    return store


def test_a_test_set_is_scored_and_no_training_looks_at_it(two_held_out, tmp_path):
    splits = two_held_out / "splits_final.json"
    splits.write_text('[{"train": ["case_0"], "val": ["case_1"], "test": ["case_2", "case_3"]}]', encoding="utf-8")
    run = run_of(two_held_out, tmp_path / "runs")
    carry_out(run)
    assert list(read_results(results_file(run)).rows) == ["case_2", "case_3"]
    described = json.loads((run.folder.root / "run.json").read_text(encoding="utf-8"))
    assert described["cases"] == {"train": ["case_0"], "val": ["case_1"]}
    assert set(described["identities"]) == {"case_0", "case_1"}
    # A smaller test set is another one to score, and no other training.
    splits.write_text('[{"train": ["case_0"], "val": ["case_1"], "test": ["case_2"]}]', encoding="utf-8")
    check_unchanged(run)
    splits.write_text('[{"train": ["case_0", "case_1"], "val": ["case_3"], "test": ["case_2"]}]', encoding="utf-8")
    with pytest.raises(ValueError, match="other cases in its fold"):
        check_unchanged(run)


@pytest.mark.integration
def test_scores_at_a_precision_by_hand(two_held_out, tmp_path):
    """The threshold of each case is the one at which the other case's precision is reached."""
    enough_to_learn = {"epochs": 40, "learning_rate": 0.01, "augment": False}
    run = dataclasses.replace(
        run_of(two_held_out, tmp_path / "runs", train=enough_to_learn), further=Further(EVALUATION, at_precision=0.6)
    )
    carry_out(run)
    record_ending(run, Ending("finished", 1.0, 40))
    assert ending_of(run) is not None
    assert ending_of(dataclasses.replace(run, further=Further(EVALUATION, at_precision=0.7))) is None

    report = json.loads(results_file(run).read_text(encoding="utf-8"))
    predictor = Predictor(run.folder.checkpoint("final"), "cpu")
    cases = {name: read_case(two_held_out, name).arrays for name in ("case_2", "case_3")}
    probabilities = {name: predictor.predict_prepared(arrays["image"])[0] for name, arrays in cases.items()}
    truths = {name: np.asarray(arrays["scales"]) > 0 for name, arrays in cases.items()}
    for tried, chosen_on in (("case_2", "case_3"), ("case_3", "case_2")):
        # Every probability there is, from the lowest up: just above the last one whose voxels are too many.
        candidates = np.unique(probabilities[chosen_on])
        precise = [truths[chosen_on][probabilities[chosen_on] > value].mean() >= 0.6 for value in candidates[:-1]]
        mask = probabilities[tried] > candidates[precise.index(True)]
        expected = evaluate_case(mask, truths[tried], (2.0, 1.0, 1.0), EVALUATION)
        # Probabilities are told apart in 65,536 steps.
        assert report["cases"][tried]["at_precision_dice"] == pytest.approx(expected["dice"], abs=2e-3)
    assert "at the threshold where" in report["measures"]["at_precision_precision"]["formula"]


@pytest.mark.integration
def test_a_threshold_of_its_own_is_chosen_on_the_validation_cases_and_holds_for_every_test_case(two_held_out, tmp_path):
    splits = two_held_out / "splits_final.json"
    splits.write_text('[{"train": ["case_0"], "val": ["case_1"], "test": ["case_2", "case_3"]}]', encoding="utf-8")
    enough_to_learn = {"epochs": 40, "learning_rate": 0.01, "augment": False}
    asked = Further(EVALUATION, own_threshold=True, average_precision=True)
    run = dataclasses.replace(run_of(two_held_out, tmp_path / "runs", train=enough_to_learn), further=asked)
    carry_out(run)
    record_ending(run, Ending("finished", 1.0, 40))
    assert ending_of(run) is not None

    report = json.loads(results_file(run).read_text(encoding="utf-8"))
    thresholds = report["thresholds"]["own_threshold"]
    assert set(thresholds) == {"case_2", "case_3"}
    (threshold,) = set(thresholds.values())
    predictor = Predictor(run.folder.checkpoint("final"), "cpu")
    arrays = {name: read_case(two_held_out, name).arrays for name in ("case_1", "case_2")}
    found = {name: predictor.predict_prepared(of["image"])[0] for name, of in arrays.items()}
    truths = {name: np.asarray(of["scales"]) > 0 for name, of in arrays.items()}

    def dice_at(value: float, name: str) -> float:
        mask = found[name] >= value
        return float(2 * (mask & truths[name]).sum() / (mask.sum() + truths[name].sum()))

    highest = max(dice_at(value, "case_1") for value in np.unique(found["case_1"]))
    assert dice_at(threshold - 0.5 / 65535, "case_1") == pytest.approx(highest, abs=2e-3)
    row = report["cases"]["case_2"]
    assert row["own_threshold_dice"] == pytest.approx(dice_at(threshold - 0.5 / 65535, "case_2"), abs=2e-3)
    ordered = truths["case_2"].ravel()[np.argsort(-found["case_2"].ravel(), kind="stable")]
    precisions = np.cumsum(ordered) / np.arange(1, ordered.size + 1)
    assert row["average_precision"] == pytest.approx(precisions[ordered].mean(), abs=5e-3)
    assert report["measures"]["average_precision"]["better"] == "higher"


def test_a_probe_is_among_the_measures_and_asked_for_later_is_made_then(two_held_out, tmp_path):
    """The features of each held-out case are read by a probe of the other one."""
    run = run_of(two_held_out, tmp_path / "probed")
    carry_out(run)
    record_ending(run, Ending("finished", 1.0, 2))
    assert ending_of(run) is not None

    probed = dataclasses.replace(run, further=Further(EVALUATION, probe=("encoder.1", "surroundings")))
    assert ending_of(probed) is None
    carry_out(probed)
    assert ending_of(probed) is not None
    report = json.loads(results_file(probed).read_text(encoding="utf-8"))
    cases = probe_cases(
        network_of(load_checkpoint(run.folder.checkpoint("final")), run.settings),
        two_held_out,
        ["case_2", "case_3"],
        probed.further.probe,
        n_scales=2,
    )
    for name, key in (("encoder.1", "probe_encoder_1"), ("surroundings", "probe_surroundings")):
        values = {case: balanced_accuracy(recalls) for case, recalls in cases[name].items()}
        assert {case: row[key] for case, row in report["cases"].items()} == values
        assert report["summary"][key]["mean"] == pytest.approx(np.mean(list(values.values())))
        assert report["measures"][key]["better"] == "higher"
    assert read_results(results_file(probed)).rows["case_2"]["probe_encoder_1"] is not None


def test_scores_of_other_definitions_are_made_anew(finished):
    record_ending(finished, Ending("finished", 1.0, 2))
    assert ending_of(finished) is not None
    whole = results_file(finished).read_text(encoding="utf-8")
    for other in (DEFINITIONS - 1, None):
        report = {**json.loads(whole), "definitions": other}
        write_whole(results_file(finished), json.dumps(report))
        assert ending_of(finished) is None
    carry_out(finished)
    assert ending_of(finished) is not None
    assert results_file(finished).read_text(encoding="utf-8") == whole


def test_what_is_there_is_not_made_again(finished, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in finished.folder.root.rglob("*.pt")}
    mask = mask_file(finished.folder, "case_3")
    made = mask.read_bytes()
    truth = np.asarray(read_case(finished.settings.cases, "case_3").arrays["scales"]) > 0
    write_volume(mask, Volume(truth, (2.0, 1.0, 1.0)))
    monkeypatch.setattr(Predictor, "__init__", lambda *_: pytest.fail("segmented again"))
    carry_out(finished)
    assert {path: path.stat().st_mtime_ns for path in finished.folder.root.rglob("*.pt")} == before
    assert json.loads(results_file(finished).read_text(encoding="utf-8"))["cases"]["case_3"]["dice"] == 1.0
    mask.write_bytes(made)


def test_only_the_organ_counts(finished, tiny_cases, tmp_path):
    case = read_case(tiny_cases, "case_3")
    arrays = {name: np.array(array) for name, array in case.arrays.items()}
    arrays["organ"][:, :8] = 0
    record = {
        name: value for name, value in case.record.items() if name not in ("format", "arrays", "sampling", "case_id")
    }
    (tmp_path / "store").mkdir()
    for other in ("case_0", "case_1", "case_2"):
        write_case(tmp_path / "store", other, arrays, {**record, "patient_id": other})
    write_case(tmp_path / "store", "case_3", arrays, record)
    (tmp_path / "store" / "splits_final.json").write_bytes((tiny_cases / "splits_final.json").read_bytes())
    elsewhere = finished.settings.model_copy(update={"cases": tmp_path / "store"})
    # Everything is called a vessel: precision is the share of vessels inside the organ.
    write_volume(mask_file(finished.folder, "case_3"), Volume(np.ones((16, 16, 16), bool), (2.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match=r"prepared otherwise .*organ\.npy is another"):
        carry_out(dataclasses.replace(finished, settings=elsewhere))
    with pytest.raises(ValueError, match=r"begun with other settings or cases .*organ\.npy is another"):
        check_unchanged(dataclasses.replace(finished, settings=elsewhere))
    scores = dict(score_held_out(dataclasses.replace(finished, settings=elsewhere)))["case_3"]
    assert scores["precision"] == pytest.approx((arrays["scales"] > 0)[arrays["organ"] > 0].mean())
    mask_file(finished.folder, "case_3").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"epochs": 3, "augment": False}}, "train.epochs was 2, now 3"),
        ({"loss": {"main": {"dice": 1.0}}}, "loss.main was {'dice': 1.0, 'cross_entropy': 1.0}, now {'dice': 1.0}"),
        ({"seed": 1}, "seed was 0, now 1"),
    ],
)
def test_a_run_begun_otherwise_is_refused(finished, change, message):
    other = run_of(finished.settings.cases, finished.settings.output, **change)
    with pytest.raises(ValueError, match="was begun with other settings") as caught:
        check_unchanged(other)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_may_change_between_sessions(finished):
    check_unchanged(finished)
    check_unchanged(run_of(finished.settings.cases, finished.settings.output, device="auto", loading={"workers": 1}))
    check_unchanged(run_of(finished.settings.cases, finished.settings.output / "new", seed=9))


def test_other_cases_in_the_fold_are_refused(finished, tmp_path):
    splits = tmp_path / "splits.json"
    splits.write_text('[{"train": ["case_0", "case_3"], "val": ["case_1"]}]', encoding="utf-8")
    description = finished.folder.root / "run.json"
    kept = description.read_bytes()
    config = finished.folder.root / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("splits: null", f"splits: {splits}"), encoding="utf-8")
    moved = run_of(finished.settings.cases, finished.settings.output, splits=splits)
    with pytest.raises(ValueError, match="other cases in its fold"):
        check_unchanged(moved)
    config.write_text(text, encoding="utf-8")
    assert description.read_bytes() == kept


def test_settings_of_another_version_are_refused_in_words(finished):
    config = finished.folder.root / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "\nunheard_of: 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="settings was 'of another version'"):
        check_unchanged(finished)
    config.write_text(text, encoding="utf-8")
