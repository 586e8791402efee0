"""An experiment on cases with classes: scores, tables, differences and pictures of each class and region."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ramify.comparison.results import read_results
from ramify.data.case_store import class_table_of, write_case
from ramify.data.files import read_label_map, write_volume
from ramify.data.volume import Volume
from ramify.experiment import main
from ramify.experiments.checks import check_classes
from ramify.experiments.further_measures import probability_measures
from ramify.experiments.held_out import held_out_cases, mask_file
from ramify.experiments.plan import Run, runs_of
from ramify.experiments.probability_scores import ProbabilityScores
from ramify.experiments.runs import Ending, carry_out, ending_of, record_ending, results_file
from ramify.experiments.scored_classes import ScoredClasses, scored_classes
from ramify.experiments.second_observer import score_second_observer
from ramify.experiments.settings import ExperimentSettings
from ramify.experiments.table import build_table
from ramify.experiments.table_forms import to_markdown
from ramify.metrics.class_scores import evaluate_classes
from ramify.metrics.classes import MERGED, LabelClass
from ramify.metrics.settings import EvaluationSettings
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.stages.experiment import draw_worst, scored_of
from ramify.tasks.class_table import IGNORED, ClassTable
from ramify.tasks.settings import TaskSettings
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings

TREES: dict[str, Any] = {
    "classes": {"portal": 40, "tumour": {"values": 3, "role": "context"}, "hepatic": [15, 16]},
    "regions": {"veins": ["portal", "hepatic"], "hepatic_veins": "hepatic"},
    "ignore": 99,
}
TABLE = ClassTable.model_validate(TREES)
OVERLAP = EvaluationSettings(measures=("overlap",))
SIZE = 24


def class_map_of(case: int) -> np.ndarray:
    """A rod a tree and a square tumour; the last rows are known to nobody."""
    numbers = np.zeros((SIZE, SIZE), np.uint8)
    numbers[4:7, 2 + case :], numbers[12:15, : 20 - case], numbers[9:11, 9:11] = 1, 3, 2
    numbers[22:] = IGNORED
    return numbers


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of two trees in two folds."""
    path = tmp_path_factory.mktemp("trees")
    settings = PreprocessingSettings().model_dump(mode="json")
    for case in range(4):
        numbers, draw = class_map_of(case), np.random.default_rng(case)
        vessels = np.isin(numbers, TABLE.vessels).astype(np.uint8)
        arrays: dict[str, np.ndarray] = {
            "image": (vessels + draw.normal(0, 0.3, vessels.shape)).astype(np.float32)[None],
            "organ": np.ones_like(vessels),
            "scales": vessels,
            "classes": numbers,
            "tubed_skeleton": vessels,
        }
        record: dict[str, Any] = {
            "shape": [SIZE, SIZE],
            "spacing_mm": [1.0, 1.0],
            "scales": {"thresholds_mm": []},
            "classes": TREES,
            "settings": settings,
        }
        write_case(path, f"case_{case}", arrays, record)
    names = [f"case_{case}" for case in range(4)]
    splits = [{"train": names[:2], "val": names[2:]}, {"train": names[2:], "val": names[:2]}]
    (path / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    return path


def training(store: Path, main: str | None) -> RunSettings:
    settings = {
        "cases": store,
        "output": "runs",
        "device": "cpu",
        "model": {"tasks": {"main": main, "auxiliary": "none"}, "levels": 2, "base_channels": 2},
        "train": {"epochs": 1, "augment": False},
        "loading": {"samples_per_epoch": 2, "batch_size": 1, "workers": 0},
        "validation": {"every": 100, "figures_every": 100},
    }
    return RunSettings.model_validate(settings)


def planned(
    store: Path, output: Path, mains: tuple[str | None, str | None] = (None, None), **settings: Any
) -> tuple[ExperimentSettings, list[Run]]:
    """An experiment of two variants and its runs, whose classes are checked."""
    trainings = {"base": training(store, mains[0]), "other": training(store, mains[1])}
    given = {
        "name": "trees",
        "output": output,
        "cases": store,
        "variants": {name: {} for name in trainings},
        "folds": (0, 1),
        "evaluation": {"measures": ["overlap"]},
        "measures": ("dice",),
        **settings,
    }
    experiment = ExperimentSettings.model_validate(given)
    scored = scored_of(experiment, trainings)
    check_classes(experiment, scored)
    return experiment, list(runs_of(experiment, trainings, None, scored))


def without_training(run: Run, monkeypatch: pytest.MonkeyPatch, right: float) -> None:
    """Scores of predictions that have a share of each tree's columns, and nothing else."""
    (run.folder.root / "predictions").mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("ramify.experiments.runs.train_run", lambda settings, tell: None)
    monkeypatch.setattr("ramify.experiments.held_out.describe_predictions", lambda run: None)
    for case in held_out_cases(run):
        labels = run.scored.as_written(class_map_of(int(case.case_id[-1])))
        labels[:, int(right * SIZE) :] = 0
        array = labels if run.scored.told_apart else labels > 0
        write_volume(mask_file(run.folder, case.case_id), Volume(array, (1.0, 1.0)))
    carry_out(run)
    record_ending(run, Ending("finished", 1.0, 1))


def test_what_a_network_is_scored_in():
    classes = scored_classes(TaskSettings(), TABLE, TABLE)
    assert classes.names == ("portal", "tumour", "hepatic", MERGED, "veins", "hepatic_veins")
    assert classes.settings["classes"] == {"portal": [40], "tumour": [3], "hepatic": [15]}
    assert classes.as_written(np.array([0, 1, 2, 3, IGNORED])).tolist() == [0, 40, 3, 15, 0]
    assert scored_classes(TaskSettings(main="regions"), TABLE, TABLE) == classes
    for asked in (TaskSettings(main="vessels"), TaskSettings(main="scales")):
        alone = scored_classes(asked, TABLE, TABLE)
        assert alone.names == (MERGED,)
        assert alone.as_written(np.array([0, 1, 2, 3, IGNORED])).tolist() == [0, 1, 0, 1, 0]
    # A network that was taught the same names in another order, or plain vessels, tells these classes apart no more.
    turned = ClassTable.model_validate({**TREES, "classes": dict(reversed(TREES["classes"].items()))})
    assert scored_classes(TaskSettings(), turned, TABLE).names == (MERGED,)
    assert scored_classes(TaskSettings(), ClassTable(), TABLE).names == (MERGED,)
    assert scored_classes(TaskSettings(), TABLE, ClassTable()).names == ()
    one_tree = ClassTable.model_validate({"classes": {"vein": 1, "tumour": {"values": 2, "role": "context"}}})
    assert scored_classes(TaskSettings(main="vessels"), one_tree, one_tree).names == ("vein",)


def test_a_run_is_scored_in_each_class_and_its_label_maps_say_which_is_which(store, tmp_path):
    _, runs = planned(store, tmp_path, measures=("portal.dice",), average_precision=True)
    run = runs[0]
    train_run(run.settings)
    old = mask_file(run.folder, "case_2")
    old.parent.mkdir()
    write_volume(old, Volume(np.ones((SIZE, SIZE), bool), (1.0, 1.0)))  # of a version without classes
    carry_out(run)
    folder = run.folder.root / "predictions"
    labels = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["labels"]
    assert labels == {"background": 0, "portal": 40, "tumour": 3, "hepatic": 15}

    report = json.loads(results_file(run).read_text(encoding="utf-8"))
    assert list(report["classes"]) == ["portal", "tumour", "hepatic"]
    assert list(report["regions"]) == [MERGED, "veins", "hepatic_veins"]
    found = read_label_map(folder / "case_2.nii.gz").array
    assert set(np.unique(found)) <= {0, 40, 3, 15}
    truth = np.array([0, 40, 3, 15, *[99] * 252])[class_map_of(2)]
    chosen = [LabelClass("portal", (40,)), LabelClass(MERGED, (40, 15))]
    expected = evaluate_classes(found, truth, (1.0, 1.0), chosen, OVERLAP, ignore=99)
    assert report["classes"]["portal"]["cases"]["case_2"] == expected["portal"]
    of_vessels = report["regions"][MERGED]["cases"]["case_2"]
    assert 0 < of_vessels.pop("average_precision") <= 1
    assert of_vessels == expected[MERGED]
    record_ending(run, Ending("finished", 1.0, 1))
    assert ending_of(run) is not None, "its scores are those that are asked for"


def test_a_table_of_each_class(store, tmp_path, monkeypatch):
    experiment, runs = planned(store, tmp_path, ("classes", "vessels"), classes=(MERGED,))
    for run in runs:
        without_training(run, monkeypatch, 0.5 if run.variant == "base" else 0.75)
    endings = {run.name: ending for run in runs if (ending := ending_of(run))}
    table = build_table(experiment, runs, endings)
    assert table.comparison is not None
    assert [row.measure for row in table.rows] == ["any_vessel.dice"] * 2
    means = [row.spread.mean for row in table.rows if row.spread]
    assert means[0] < means[1]
    assert "any_vessel.dice (higher is better)" in to_markdown(table)

    experiment, runs = planned(store, tmp_path / "both", classes=("hepatic", "portal"), worst_cases=1)
    for run in runs:
        without_training(run, monkeypatch, 0.5 if run.variant == "base" else 0.75)
    endings = {run.name: ending for run in runs if (ending := ending_of(run))}
    table = build_table(experiment, runs, endings)
    assert [(row.variant, row.measure) for row in table.rows] == [
        *(("base", "hepatic.dice"), ("other", "hepatic.dice")),
        *(("base", "portal.dice"), ("other", "portal.dice")),
    ]
    # Hepatic rods of 20 - case columns, of which 12 and 18 at most are found: 2 TP / (TP + rod).
    rods = [20 - case for case in range(4)]
    expected = [np.mean([2 * min(part, rod) / (min(part, rod) + rod) for rod in rods]) for part in (12, 18)]
    assert [row.spread.mean for row in table.rows[:2] if row.spread] == pytest.approx(expected)
    assert [picture.name for picture in draw_worst(table)] == ["1_case_0.png", "errors.png"]


def test_a_second_observer_of_classes(store, tmp_path, monkeypatch):
    experiment, runs = planned(store, tmp_path, classes=("hepatic",))
    experiment = experiment.model_copy(update={"second_observer": "{case}.nii.gz"})
    drawn = np.array([0, 40, 3, 16, *[99] * 252])
    for case in range(4):
        labels = drawn[class_map_of(case)].astype(np.uint8)
        labels[:, 10:] = 0
        write_volume(tmp_path / f"case_{case}.nii.gz", Volume(labels, (1.0, 1.0)))
    observer = read_results(score_second_observer(experiment, runs, tmp_path))
    assert observer.rows["case_0"]["hepatic.dice"] == pytest.approx(2 * 10 / (10 + 20))


@pytest.mark.parametrize(
    ("mains", "settings", "complaint"),
    [
        (
            (None, None),
            {"classes": ("portale",)},
            "classes portale: variant base is scored in portal, tumour,",
        ),
        (
            (None, "vessels"),
            {},
            "dice: is the mean over portal, tumour, hepatic in variant base, and",
        ),
        ((None, "vessels"), {"classes": ("portal",)}, "classes portal: variant other is scored in any_vessel;"),
        ((None, None), {"measures": ("own_threshold_dice",)}, "give any_vessel.own_threshold_dice"),
        ((None, None), {"classes": ("portal",), "measures": ("portal.dice",)}, "names a class by itself"),
        ((None, None), {"measures": ("portal.dize",)}, "did you mean dice"),
    ],
)
def test_measures_that_cannot_be_compared(store, tmp_path, mains, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        planned(store, tmp_path, mains, own_threshold=True, **settings)


def test_a_class_that_there_is_not_is_told_before_anything_is_prepared(tmp_path):
    config = tmp_path / "trees.yaml"
    lines = [
        "{name: trees, variants: {base: {}, other: {}}, folds: [0], classes: [artery], measures: [dice],",
        "evaluation: {measures: [overlap]},",
        "preprocess: {settings: {classes: {portal: portalvein, hepatic: venoussystem}}}}",
    ]
    config.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="classes artery: variant base is scored in portal, hepatic, any_vessel"):
        main([str(config), "--output", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_a_precision_out_of_reach_is_of_all_vessels(store, tmp_path, monkeypatch):
    """A case without a vessel lacks the values, too, and is none of those."""
    experiment, runs = planned(store, tmp_path, at_precision=0.9, measures=("any_vessel.at_precision_dice",))
    monkeypatch.setattr("ramify.experiments.runs.score_probabilities", lambda run: nothing_reached(run))
    for run in runs:
        without_training(run, monkeypatch, 0.5)
    table = build_table(experiment, runs, {run.name: Ending("finished", 1.0, 1) for run in runs})
    assert table.out_of_reach == {"base": 4, "other": 4}
    for run in runs:
        report = json.loads(results_file(run).read_text(encoding="utf-8"))
        for row in report["regions"][MERGED]["cases"].values():
            row["empty_truth"] = True
        results_file(run).write_text(json.dumps(report), encoding="utf-8")
    assert build_table(experiment, runs, {run.name: Ending("finished", 1.0, 1) for run in runs}).out_of_reach == {}


def nothing_reached(run: Run) -> ProbabilityScores:
    names = [measure.name for measure in probability_measures(run.further)]
    return ProbabilityScores({case.case_id: dict.fromkeys(names) for case in held_out_cases(run)}, {})


def test_the_classes_of_a_store(store):
    assert class_table_of(store) == TABLE
    assert isinstance(scored_classes(TaskSettings(), class_table_of(store), TABLE), ScoredClasses)
