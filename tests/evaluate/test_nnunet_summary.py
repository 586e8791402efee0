"""A fold that nnU-Net validated is evaluated against the truths of all folds."""

import json

from ramify import evaluate
from tests.evaluate.pairs import flags, read_json, save, vessel


def summary(folders, *cases):
    """nnU-Net's summary.json over these cases."""
    listed = [{"prediction_file": f"/elsewhere/{case}.nii.gz", "metrics": {}} for case in cases]
    (folders[0] / "summary.json").write_text(json.dumps({"metric_per_case": listed, "mean": {}}), encoding="utf-8")


def test_truths_of_other_folds_are_no_missing_predictions(folders):
    save(folders[1] / "of_another_fold.nii.gz", vessel(8))
    assert evaluate.main(flags(folders)) == 1
    assert "of_another_fold" in read_json(folders[2])["failed"]
    summary(folders, "a", "b", "c")
    assert evaluate.main(flags(folders)) == 0
    report = read_json(folders[2])
    assert (sorted(report["cases"]), report["failed"]) == (["a", "b", "c"], {})


def test_what_the_fold_lacks_or_has_besides_is_seen(folders):
    summary(folders, "a", "b", "lost")
    assert evaluate.main(flags(folders)) == 1
    report = read_json(folders[2])
    assert sorted(report["cases"]) == ["a", "b", "c"]
    assert list(report["failed"]) == ["lost"]


def test_cases_that_are_asked_for_come_first_and_other_summaries_say_nothing(folders):
    summary(folders, "a")
    assert evaluate.main(flags(folders, "--cases", "b")) == 0
    assert sorted(read_json(folders[2])["cases"]) == ["b"]
    (folders[0] / "summary.json").write_text('["not nnU-Net\'s"]', encoding="utf-8")
    assert evaluate.main(flags(folders)) == 0
    assert len(read_json(folders[2])["cases"]) == 3
