import csv
import io
import json
import math

import pytest

from ramify.disk.json_files import to_json
from ramify.experiments.runs import Ending, results_file
from ramify.experiments.table import build_table
from ramify.experiments.table_forms import headline, to_csv, to_markdown, to_plain_table, to_screen

CASES = {0: ["a", "b", "c"], 1: ["d", "e", "f"]}
GAIN = {"a": 0.02, "b": 0.03, "c": 0.04, "d": 0.05, "e": 0.06, "f": 0.07}


def dice_of(run) -> dict[str, float]:
    """0.5 in fold 0 and 0.7 in fold 1; 0.01 more with seed 1; a case's own gain for "ours"."""
    start = 0.5 + 0.2 * run.fold + 0.01 * run.seed
    return {case: start + (GAIN[case] if run.variant == "ours" else 0.0) for case in CASES[run.fold]}


@pytest.fixture
def complete(plan, finish):
    experiment, runs = plan()
    endings = {run.name: finish(run, dice_of(run)) for run in runs}
    return build_table(experiment, runs, endings)


def test_mean_spread_difference_and_verdict(complete):
    base, ours = complete.rows
    assert base.difference is None
    assert base.spread.mean == pytest.approx(0.605)
    assert base.spread.sd_folds == pytest.approx(0.2 / 2**0.5)
    assert base.spread.sd_seeds == pytest.approx(0.01 / 2**0.5)
    assert ours.spread.runs == 4
    evidence = ours.difference.evidence
    assert (evidence.pairs, evidence.cases) == (2, 6), "a fold is one pair, however many cases and seeds"
    assert evidence.difference == pytest.approx(sum(GAIN.values()) / 6)
    # t = 0.045 / (0.03 / √2 · √(1/2 + 1/1)) = √3 with one degree of freedom: p = 1 − 2/π atan t.
    assert ours.difference.adjusted.deciding == pytest.approx(1 - 2 / math.pi * math.atan(3**0.5))
    assert ours.difference.verdict.word == "too few folds"


def test_by_case_it_is_six_pairs_and_said_to_be_too_many(plan, finish):
    experiment, runs = plan(comparison={"unit": "case"})
    table = build_table(experiment, runs, {run.name: finish(run, dice_of(run)) for run in runs})
    difference = table.rows[1].difference
    assert difference is not None
    assert difference.adjusted is not None
    # Six pairs, all to one side, one test: 2 · 2^-6.
    assert difference.adjusted.deciding == pytest.approx(2 / 64)
    assert difference.verdict.word == "better"
    assert "two trainings of one method are then called different too often" in to_screen(table)


def test_the_same_numbers_in_every_form(complete):
    assert headline(complete) == "test: 2 variants, 2 folds x 2 seeds, 6 cases; 8 of 8 runs finished"
    screen, page = to_screen(complete), to_markdown(complete)
    cells = ["ours", "4", "0.6500 ± 0.1626", "0.0071", "+0.0450 [", "2", "0.3333", "too few folds", "4"]
    for cell in cells:
        assert cell in screen
    line = next(line for line in page.splitlines() if line.startswith("| ours"))
    assert [part.strip().startswith(cell) for part, cell in zip(line.strip("|").split("|"), cells)] == [True] * 9
    assert "more pairs needed, folds as large as these: " in page
    rows = list(csv.DictReader(io.StringIO(to_csv(complete))))
    assert [row["variant"] for row in rows] == ["base", "ours"]
    assert (rows[1]["folds"], rows[1]["seeds"], rows[1]["verdict"]) == ("2", "2", "too few folds")
    assert float(rows[1]["mean_of_folds"]) == pytest.approx(0.65)
    assert (rows[0]["difference"], rows[0]["verdict"]) == ("", "")
    plain = json.loads(to_json(to_plain_table(complete, {"python": "3"})))
    assert plain["rows"][1]["t_p_holm"] == pytest.approx(1 / 3)
    assert plain["runs"]["ours, fold 1, seed 1"]["state"] == "finished"
    assert plain["experiment"]["seeds"] == [0, 1]
    assert plain["comparison"]["tests"] == 1


def test_failed_and_missing_runs_are_told_and_their_cases_left_out_of_all(plan, finish):
    experiment, runs = plan(variants={"base": {}, "ours": {}, "third": {}})
    endings = {}
    for run in runs:
        if run.variant == "third":
            continue
        if run.variant == "ours" and run.fold == 1:
            endings[run.name] = Ending("failed", 1.0, 2, "the loss term main/dice is nan")
            continue
        endings[run.name] = finish(run, dice_of(run))
    table = build_table(experiment, runs, endings)
    screen = to_screen(table)
    assert "6 of 12 runs finished" in screen
    assert "ours: 2 of 4 runs failed, its values are those of the others: the loss term main/dice is nan" in screen
    assert "third: 4 of 4 runs are still to do" in screen
    assert "left out of all: 3 cases: d (ours lacks it)" in screen
    ours = table.rows[1]
    assert ours.difference is not None
    assert ours.difference.evidence is not None
    assert ours.difference.evidence.pairs == 3
    third = table.rows[2]
    assert third.spread is None
    assert next(line for line in screen.splitlines() if line.startswith("third ")).split() == ["third", "0", *"-" * 7]


def test_a_seed_that_failed_does_not_cost_its_cases(plan, finish):
    experiment, runs = plan()
    endings = {run.name: finish(run, dice_of(run)) for run in runs}
    endings[runs[-1].name] = Ending("failed", 1.0, 0, "killed")
    table = build_table(experiment, runs, endings)
    ours = table.rows[1]
    assert ours.difference is not None
    assert ours.difference.evidence is not None
    assert (ours.difference.evidence.pairs, ours.difference.evidence.cases) == (2, 6)
    assert "1 to 2 runs a case" in to_screen(table)


@pytest.mark.parametrize("kept", ["", "base", "ours"])
def test_too_little_to_compare_is_said(plan, finish, kept):
    experiment, runs = plan()
    endings = {run.name: finish(run, dice_of(run)) for run in runs if run.variant == kept}
    table = build_table(experiment, runs, endings)
    assert table.comparison is None
    assert "nothing to compare yet: the first variant and another one need results" in to_screen(table)
    assert len(to_csv(table).splitlines()) == 3
    assert to_plain_table(table, {})["comparison"] is None


def test_a_precision_out_of_reach_is_told_and_compared_with_nothing(plan, finish):
    experiment, runs = plan(folds=(0,), seeds=(0,), at_precision=0.5, measures=("dice", "at_precision_dice"))
    endings = {run.name: finish(run, dice_of(run)) for run in runs}
    for run in runs:
        report = json.loads(results_file(run).read_text(encoding="utf-8"))
        for case, row in report["cases"].items():
            row |= {f"at_precision_{name}": None if run.variant == "ours" else 0.5 for name in ("dice", "precision")}
            # Nothing there and nothing found: no value, though the precision may be had.
            row["empty_truth"] = case == "c"
        results_file(run).write_text(json.dumps(report), encoding="utf-8")
    table = build_table(experiment, runs, endings)
    told = "ours: a precision of 0.5 is out of reach in 2 cases: no threshold has it on the other held-out"
    assert told in to_screen(table)
    assert told in to_markdown(table)
    assert "base: a precision" not in to_screen(table)
    ours = next(row for row in table.rows if (row.variant, row.measure) == ("ours", "at_precision_dice"))
    assert ours.spread is None
    assert ours.difference is None or ours.difference.evidence is None


def test_variants_without_a_case_in_common(plan, finish):
    experiment, runs = plan()
    endings = {run.name: finish(run, dice_of(run)) for run in runs if (run.variant == "base") == (run.fold == 0)}
    table = build_table(experiment, runs, endings)
    assert "no case in common" in to_screen(table)


def test_pairs_that_cannot_be_told_yet_do_not_hide_the_rest(plan, finish):
    experiment, runs = plan(comparison={"unit": "fold"})
    endings = {run.name: finish(run, dice_of(run)) for run in runs if run.fold == 0}
    table = build_table(experiment, runs, endings)
    assert table.comparison is None
    base = table.rows[0]
    assert base.spread is not None
    assert base.spread.mean == pytest.approx(0.505)
    assert "nothing to compare yet: comparison.unit fold: the files hold one set of cases" in to_screen(table)


def test_a_complaint_names_the_experiments_own_settings(plan, finish):
    experiment, runs = plan(folds=(0,), seeds=(0,))
    endings = {run.name: finish(run, dice_of(run)) for run in runs}
    finish(runs[1], {"a": 0.5, "b": 0.5})
    with pytest.raises(ValueError, match=r"^ours lacks c: .*, or set comparison.common to compare the 2 that all"):
        build_table(experiment, runs, endings)
    given = plan(folds=(0,), seeds=(0,), comparison={"common": True})[0]
    assert build_table(given, runs, endings).comparison is not None


def test_a_hopeless_number_of_pairs_is_told_once(plan, finish):
    experiment, runs = plan(folds=(0,), seeds=(0,))
    endings = {run.name: finish(run, dice_of(run)) for run in runs}
    screen = to_screen(build_table(experiment, runs, endings))
    assert "ours in dice: too few pairs: 3 pairs cannot reach p < 0.05" in screen
    # One fold and one seed have no spread to show.
    assert next(line for line in screen.splitlines() if line.startswith("base ")).split()[:4] == [
        "base",
        "1",
        "0.5000",
        "-",
    ]


@pytest.mark.parametrize(
    ("settings", "left_out", "empty", "told"),
    [
        ({"comparison": {"unit": "case"}}, (), (), "by comparison.unit case they are taken as independent"),
        ({"folds": (0,), "seeds": (0,)}, (), (), "differ by luck; take several folds"),
        ({"folds": (0,)}, (), (), "2 networks are too few for a verdict"),
        ({}, ("ours, fold 1",), (), "left out of all: 3 cases: d (ours lacks it)"),
        ({"comparison": {"unit": "fold"}}, ("fold 1",), (), "finish runs of the same two folds at least"),
        ({"folds": (0,)}, (), ("a",), "evaluation.both_empty: perfect gives it a value"),
    ],
)
def test_remarks_name_the_experiments_own_settings(plan, finish, settings, left_out, empty, told):
    experiment, runs = plan(**settings)
    endings = {}
    for run in runs:
        if not any(part in run.name for part in left_out):
            of_base = run.variant == "base"
            endings[run.name] = finish(run, {c: None if of_base and c in empty else d for c, d in dice_of(run).items()})
    table = build_table(experiment, runs, endings)
    remarks = to_plain_table(table, {})["remarks"]
    assert any(told in remark for remark in remarks)
    # No flag of another command.
    assert not [remark for remark in remarks if "--" in remark or ".py" in remark]
