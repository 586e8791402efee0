"""What is computed is not lost: a signal in the middle, a picture that fails, a process that dies."""

import json
import signal

import pytest

from ramify import evaluate
from ramify.command_line import run
from ramify.console.signals import Stopped
from ramify.evaluation import outcomes
from ramify.stages import evaluate as evaluate_stage
from tests.evaluate.pairs import flags, read_json

QUICK = ("--measures", "overlap")


def test_a_signal_leaves_the_scores_of_the_cases_that_are_done(folders, monkeypatch, capsys):
    assert evaluate.main(flags(folders, *QUICK)) == 0
    whole = (folders[2] / "metrics.json").read_bytes()
    attempt = outcomes.attempt

    def stopped_at_b(job):
        if job.case_id == "b":
            raise Stopped(signal.SIGTERM)
        return attempt(job)

    monkeypatch.setattr(outcomes, "attempt", stopped_at_b)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        run(lambda: evaluate.main(flags(folders, *QUICK)))
    assert stop.value.code == 128 + signal.SIGTERM
    told = capsys.readouterr().err
    kept = f"1 of 3 cases were evaluated, their scores are in {folders[2] / 'metrics_partial.csv'}"
    assert told == f"stopped by SIGTERM: {kept}; the same command evaluates all of them anew\n"
    # The tables of a whole run are not replaced by those of a part.
    assert (folders[2] / "metrics.json").read_bytes() == whole
    partial = json.loads((folders[2] / "metrics_partial.json").read_text(encoding="utf-8"))
    assert partial["cases"] == {"a": read_json(folders[2])["cases"]["a"]}
    assert partial["failed"] == dict.fromkeys("bc", "not evaluated: stopped by SIGTERM")
    monkeypatch.setattr(outcomes, "attempt", attempt)
    assert evaluate.main(flags(folders, *QUICK)) == 0
    assert not list(folders[2].glob("metrics_partial.*"))


def test_a_signal_while_the_page_is_written_names_the_scores(folders, monkeypatch, capsys):
    def stopped(*_):
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(evaluate_stage, "present", stopped)
    with pytest.raises(SystemExit):
        run(lambda: evaluate.main(flags(folders, *QUICK)))
    told = capsys.readouterr().err
    kept = f"the scores of all cases are in {folders[2] / 'metrics.csv'}; the same command shows them anew"
    assert told == f"stopped by SIGTERM: {kept}\n"


@pytest.mark.parametrize(("module", "what"), [(outcomes, "present_case"), (evaluate_stage, "present")])
def test_what_is_only_looked_at_costs_no_scores(folders, tmp_path, monkeypatch, capsys, module, what):
    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(module, what, fails)
    assert evaluate.main(flags(folders, *QUICK, "--export", str(tmp_path / "files"))) == 1
    assert set(read_json(folders[2])["cases"]) == {"a", "b", "c"}
    err = capsys.readouterr().err
    assert err.count("disk full (the scores are written)") == (3 if what == "present_case" else 1)
