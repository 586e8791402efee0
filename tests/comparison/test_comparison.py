import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify.comparison.comparison import Comparison, compare
from ramify.comparison.comparison_table import format_comparison, pairs_to_csv, to_csv, to_plain
from ramify.comparison.evidence import weigh
from ramify.comparison.forest_plot import draw_comparison
from ramify.comparison.power import pairs_needed
from ramify.comparison.remarks import remarks_on
from ramify.comparison.results import RunResults, Variant
from ramify.comparison.settings import ComparisonSettings
from ramify.comparison.statistics import holm
from ramify.disk.json_files import to_json

CASES = 12


def variant(name: str, gain: float = 0.0, wobble: float = 0.0, cases: int = CASES, **undefined: int) -> Variant:
    """Cases of unlike difficulty; Dice differs from the reference by the gain and, up and down in turn, by the wobble.

    HD falls as Dice rises. A measure named with a case's number is None there.
    """
    rows: dict[str, dict[str, float | None]] = {}
    for number in range(cases):
        turn = wobble * (-1) ** number * (1 + number / 10)
        rows[f"c{number}"] = {
            "dice": 0.3 + 0.02 * number + gain + turn,
            "hd_mm": 40 - 3 * number % 7 - 20 * gain - 10 * turn,
            "tprec": 0.5,
        }
    for measure, place in undefined.items():
        rows[f"c{place}"][measure] = None
    return Variant(name, (RunResults(rows, {"empty_prediction": frozenset({"c3"})}),))


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    variants = [variant("base"), variant("ours", 0.05, 0.01, hd_mm=2), variant("twin", 0.0, 0.01)]
    return compare(variants, ["dice", "hd_mm", "tprec"])


def test_a_difference_for_every_variant_and_measure(comparison):
    found = [(each.variant, each.measure, each.verdict.word) for each in comparison.differences]
    assert found == [
        ("ours", "dice", "better"),
        ("ours", "hd_mm", "better"),
        ("ours", "tprec", "no evidence"),
        ("twin", "dice", "no evidence"),
        ("twin", "hd_mm", "no evidence"),
        ("twin", "tprec", "no evidence"),
    ]
    assert comparison.measures == ["dice", "hd_mm", "tprec"]
    assert comparison.reference.name == "base"


def test_holm_is_over_all_measures_and_variants_in_which_a_pair_differs(comparison):
    tested = [each for each in comparison.differences if each.measure != "tprec"]
    assert comparison.tests == 4
    assert [each.adjusted.wilcoxon for each in tested] == holm([each.evidence.wilcoxon.p for each in tested])
    assert [each.adjusted.permutation for each in tested] == holm([each.evidence.permutation.p for each in tested])
    assert all(each.adjusted.least == 4 / 2**11 for each in tested[:1])
    assert all(each.adjusted is None for each in comparison.differences if each.measure == "tprec")


def test_each_stands_on_the_pairs_themselves(comparison):
    base, ours = variant("base"), variant("ours", 0.05, 0.01)
    values = [[row["dice"] for row in each.runs[0].rows.values()] for each in (ours, base)]
    assert comparison.differences[0].evidence == weigh(*values, units=range(CASES))
    assert comparison.differences[1].evidence.pairs == CASES - 1
    assert comparison.differences[1].paired.undefined == {"c2": ("ours",)}


def test_seeds_change_intervals_and_nothing_else_does():
    variants = [variant("base"), variant("ours", 0.01, 0.02)]
    first, again, other = (compare(variants, settings=ComparisonSettings(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first.differences[0].evidence.interval != other.differences[0].evidence.interval
    alone = compare(variants, ["dice"])
    assert alone.differences[0].evidence == first.differences[0].evidence


def test_pairs_needed_are_at_the_adjusted_level_and_more_for_ranks():
    variants = [variant("base"), variant("ours", 0.005, 0.01)]
    alone, among, by_mean = (
        compare(variants, ["dice"]).differences[0],
        compare(variants, ["dice", "hd_mm"]).differences[0],
        compare(variants, ["dice"], ComparisonSettings(decide_by="permutation")).differences[0],
    )
    assert by_mean.pairs_needed < alone.pairs_needed < among.pairs_needed
    assert alone.more_pairs == alone.pairs_needed - CASES


def test_five_cases_say_that_they_cannot_show_it():
    found = compare([variant("base", cases=5), variant("ours", 0.2, 0.01, cases=5)], ["dice"])
    assert found.differences[0].verdict.word == "too few pairs"
    text = format_comparison(found)
    assert "5 pairs cannot reach p < 0.05 two-sided" in text
    assert "the least possible p is 0.0625" in text
    assert "of 5 pairs, a 95% bootstrap interval holds the true mean in about 85% of samples" in text


def test_the_screen_has_a_row_a_measure_with_its_verdict(comparison):
    text = format_comparison(comparison)
    row = next(line for line in text.splitlines() if line.startswith("dice "))
    evidence = comparison.differences[0].evidence
    assert f"{evidence.reference_mean:.4f} ± {evidence.reference_sd:.4f}" in row
    assert f"{evidence.difference:+.4f} [{evidence.interval.low:+.4f}, {evidence.interval.high:+.4f}]" in row
    assert row.split()[1] == "higher"
    assert row.endswith("better")
    hd = next(line for line in text.splitlines() if line.startswith("hd_mm "))
    assert f"{comparison.differences[1].evidence.difference:+.2f} [" in hd
    assert text.index("ours against base") < text.index("twin against base")
    assert "pairs to see a difference of that size, 80% power at level 0.013, paired t approximation: dice" in text


def test_what_must_be_known_beside_the_numbers(comparison):
    remarks = remarks_on(comparison)
    assert "pairs are 12 cases" in remarks
    assert "base, ours, twin: empty_prediction in 1 case, kept with the values given: c3" in remarks
    told = (
        "ours, hd_mm: undefined in 1 case, no pair: c2 (ours); 1 of them for one side only, so that the pairs left are "
    )
    assert any(remark.startswith(told) for remark in remarks)
    assert "p Holm is adjusted over 4 tests, all of this table; intervals are not" in remarks
    assert any(remark.startswith("of 11 pairs, a 95% bootstrap interval") for remark in remarks)


def test_runs_folds_and_left_out_cases_are_told():
    halves = [variant("x").runs[0].rows, variant("x", 0.1, 0.01).runs[0].rows]
    first = [{case: row for case, row in rows.items() if case in ("c0", "c1", "c2")} for rows in halves]
    rest = [{case: row for case, row in rows.items() if case not in first[0]} for rows in halves]
    base = Variant("base", tuple(RunResults(rows) for rows in (first[0], rest[0])))
    versions = [{"versions": {"commit": commit}} for commit in ("one", "two")]
    ours = Variant("ours", tuple(RunResults(rows, report=versions[i % 2]) for i, rows in enumerate((*first, *rest))))
    remarks = remarks_on(compare([base, ours]))
    assert "ours: 2 runs a case, averaged before the tests: pairs must be independent" in remarks
    assert "pairs are 2 folds, each the mean of its cases (12 in all)" in remarks
    assert any(remark.startswith("the 2 folds are the pairs, since the cases of a fold share") for remark in remarks)
    assert "scores made by different code: commits one, two" in remarks
    assert remarks_on(compare([base, ours], settings=ComparisonSettings(unit="fold"))) == remarks
    of_cases = remarks_on(compare([base, ours], settings=ComparisonSettings(unit="case")))
    assert "pairs are 12 cases" in of_cases
    assert any(remark.startswith("2 folds: the cases of a fold share their networks") for remark in of_cases)
    whole = Variant("base", (RunResults({**first[0], **rest[0]}),))
    unknown = compare([whole, ours])
    assert any("nothing says which cases share a network: no verdict" in remark for remark in remarks_on(unknown))
    assert {each.verdict.word for each in unknown.differences} == {"no evidence"}
    known = compare([whole, ours], fold_of={case: str(case in first[0]) for case in whole.cases})
    assert remarks_on(known)[0] == "pairs are 2 folds, each the mean of its cases (12 in all)"
    cut = remarks_on(compare([whole, variant("small", cases=4)], settings=ComparisonSettings(common=True)))
    assert any(remark.startswith("left out of all: 8 cases: c10 (small lacks it)") for remark in cut)


def folded(name: str, folds: int, gain: float = 0.0, luck: float = 0.02) -> Variant:
    """A file a fold, of two cases each; the gain is a little more in one fold than in the next."""
    runs = []
    for fold in range(folds):
        dice = {f"c{2 * fold + i}": 0.5 + 0.02 * i + gain * (1 + luck * (-1) ** fold * fold) for i in range(2)}
        runs.append(RunResults({case: {"dice": value} for case, value in dice.items()}))
    return Variant(name, tuple(runs))


def test_folds_are_the_pairs_where_there_are_several_and_what_they_support_is_said():
    found = compare([folded("base", 5), folded("ours", 5, 0.1)], ["dice"])
    assert found.decide_by == "t"
    difference = found.differences[0]
    assert difference.evidence is not None
    assert (difference.evidence.pairs, difference.evidence.cases) == (5, 10)
    assert difference.verdict.word == "better"
    remarks = remarks_on(found)
    assert remarks[1].startswith("the 5 folds are the pairs")
    # t of four degrees of freedom, 2.776, times the root of 1/5 + 1/4.
    assert "a mean difference needs at least 1.9 standard deviations of the folds' differences" in remarks[1]
    assert remarks[2] == (
        "by signs or ranks 5 folds can give p = 1/32 one-sided and 1/16 two-sided at the least, so that by signs no "
        "verdict at p < 0.05 is possible; it takes 6 folds"
    )
    assert not any("bootstrap" in remark for remark in remarks)
    by_signs = compare([folded("base", 5), folded("ours", 5, 0.1)], ["dice"], ComparisonSettings(decide_by="wilcoxon"))
    assert "5 folds cannot reach p < 0.05" in by_signs.differences[0].verdict.reason


def test_more_folds_that_it_takes_are_those_of_the_test_that_decides():
    variants = [folded("base", 5), folded("ours", 5, 0.01, luck=0.9)]
    found = compare(variants, ["dice"]).differences[0]
    assert found.verdict.word == "no evidence"
    evidence = found.evidence
    assert evidence is not None
    assert found.pairs_needed == pairs_needed(evidence.effect, 0.05, fewest=5, cross_validated=True)
    assert "folds as large to see a difference of that size" in format_comparison(compare(variants, ["dice"]))


def test_two_folds_are_too_few_for_a_verdict_whatever_the_t_test_says():
    """Gains of .10 and .101 in two folds: t = .1005 / (.0007 √1.5) = 116, one degree of freedom, p = .0055."""
    variants = [folded("base", 2), folded("ours", 2, 0.1, luck=0.01)]
    found = compare(variants, ["dice"])
    (difference,) = found.differences
    assert difference.evidence is not None
    assert difference.evidence.t.p < 0.05
    assert (difference.verdict.word, difference.pairs_needed, difference.more_pairs) == ("too few folds", 5, 3)
    text = format_comparison(found)
    assert (
        "dice: too few folds: whatever p the t test gives, that all of 2 folds lie to one side has a chance of 1/4"
        in text
    )
    assert "paired t approximation: dice 5 (3 more)" in text


def test_an_interval_ends_where_differences_of_the_measure_do():
    """Differences .04 ± .31 of two folds: the t interval reaches 12.7 √1.5 · .44 = 6.8 to each side; Dice ends at 1."""
    runs = {"base": (0.5, 0.5), "ours": (0.85, 0.23)}
    variants = [
        Variant(name, tuple(RunResults({f"c{i}": {"dice": value, "odd": value}}) for i, value in enumerate(values)))
        for name, values in runs.items()
    ]
    found = compare(variants, ["dice", "odd"])
    dice, odd = (each.evidence for each in found.differences)
    assert dice is not None
    assert odd is not None
    assert (dice.interval, dice.cut) == ((-1, 1), True)
    assert odd.interval is not None
    assert odd.interval.low < -6
    assert not odd.cut, "nobody knows how high this one can be"
    assert any("ours in dice: the interval reached beyond what differences" in remark for remark in remarks_on(found))


@pytest.mark.parametrize("prefix", ["", "portal."])
def test_a_variant_that_found_nothing_in_any_case_is_named(prefix):
    def of(name: str, empty: tuple[str, ...]) -> Variant:
        rows = {case: {f"{prefix}dice": 0.0 if case in empty else 0.5} for case in ("c0", "c1")}
        return Variant(name, (RunResults(rows, {f"{prefix}empty_prediction": frozenset(empty)}),))

    remarks = remarks_on(compare([of("plain", ("c0", "c1")), of("multi", ("c0",))], [f"{prefix}dice"]))
    told = [remark for remark in remarks if "found nothing" in remark]
    assert told == [f"plain: found nothing{' of portal' if prefix else ''} in any case"]


def test_an_unknown_direction_is_told():
    variants = [
        Variant(name, (RunResults({f"c{i}": {"odd": gain + i} for i in range(8)}),))
        for name, gain in (("a", 0), ("b", 1))
    ]
    found = compare(variants)
    assert found.differences[0].verdict.word == "higher"
    assert any("no direction is known for odd" in remark for remark in remarks_on(found))


def test_csv_has_every_number_at_full_precision(comparison):
    rows = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert [(row["variant"], row["measure"]) for row in rows][:2] == [("ours", "dice"), ("ours", "hd_mm")]
    evidence = comparison.differences[0].evidence
    assert float(rows[0]["difference"]) == evidence.difference
    assert float(rows[0]["low"]) == evidence.interval.low
    assert float(rows[0]["wilcoxon_p"]) == evidence.wilcoxon.p
    assert float(rows[0]["wilcoxon_p_holm"]) == comparison.differences[0].adjusted.wilcoxon
    assert rows[1]["undefined_cases"] == "1"
    assert rows[2]["wilcoxon_p_holm"] == rows[2]["cohen_dz"] == ""


def test_every_pair_is_written_and_the_undefined_ones_named(comparison):
    rows = list(csv.DictReader(io.StringIO(pairs_to_csv(comparison))))
    assert len(rows) == CASES * 6
    dice = [row for row in rows if (row["variant"], row["measure"]) == ("ours", "dice")]
    differences = [float(row["difference"]) for row in dice]
    assert np.mean(differences) == pytest.approx(comparison.differences[0].evidence.difference)
    assert [row["pair"] for row in rows if row["undefined_for"] == "ours"] == ["c2"]


def test_json_says_everything(comparison):
    plain = json.loads(to_json(to_plain(comparison, {"commit": "x"})))
    assert plain["reference"] == "base"
    assert plain["variants"]["ours"] == {"files": ["results"], "runs_per_case": [1]}
    assert plain["pairs"]["unit_of"]["c0"] == "c0"
    assert plain["differences"][1]["undefined"] == {"c2": ["ours"]}
    assert plain["differences"][0]["verdict"] == "better"
    assert plain["tests"] == 4
    assert plain["differences"][0]["decided_by"] == "wilcoxon"
    assert "zero_method wilcox" in plain["policy"]
    assert plain["versions"] == {"commit": "x"}


def test_the_figure_is_a_picture_for_any_comparison(comparison):
    pictures = [
        draw_comparison(comparison),
        draw_comparison(compare([variant("base", cases=2), variant("$_{twin}", 0.1, 0.01, cases=2)])),
        draw_comparison(compare([variant("base"), variant("base twice")], ["dice"])),
        draw_comparison(compare([variant("base", cases=1, dice=0), variant("none", cases=1)], ["dice"])),
    ]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(set(pictures)) == len(pictures)
    assert draw_comparison(comparison) == pictures[0]


def test_statistics_need_no_torch():
    root = Path(__file__).parents[2]
    code = "import sys; from ramify.stages import compare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
