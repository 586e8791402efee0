"""Commands on a cluster write what they write in one process, bit for bit, and fail as they do there."""

import os
from pathlib import Path

import pytest

from ramify import analyse, evaluate, predict, preprocess
from ramify.console.progress import QUIET_VARIABLE
from tests.case_processes import cases_done_here
from tests.preprocess.pairs import tree, write_pairs
from tests.tiny_checkpoints import write_fold

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]
CASES = ("--dataset", "pairs", "--root", "data", "--folds.folds", "2", "--masks")
MASKS = ("--input", "data/images", "--organ", "data/organs", "--checkpoint", "run", "--device", "cpu")
SCORES = ("--prediction", "data/labels", "--truth", "data/labels", "--organ", "data/organs", "--measures", "overlap")
TREES = ("--input", "data/labels", "--organ", "data/organs")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A data set of three cases, one of which no program can read, and a network."""
    folder = tmp_path_factory.mktemp("world")
    write_pairs(folder / "data", count=3)
    write_fold(folder / "run", 0)
    (folder / "data/labels/case_2.nii.gz").write_bytes(b"broken")
    (folder / "data/images/case_2.nii.gz").write_bytes(b"broken")
    return folder


@pytest.mark.parametrize(
    ("main", "words"),
    [
        pytest.param(preprocess.main, (*CASES, "--skip-faulty"), id="preprocess"),
        pytest.param(predict.main, MASKS, id="predict"),
        pytest.param(evaluate.main, SCORES, id="evaluate"),
        pytest.param(analyse.main, TREES, id="analyse"),
    ],
)
def test_the_same_bytes_as_in_one_process(world, cluster, monkeypatch, capsys, main, words):
    monkeypatch.setenv(QUIET_VARIABLE, "1")
    # Paths are seen from where the command is started, wherever the workers stand.
    monkeypatch.chdir(world)
    here, there = (f"{main.__module__}-{place}" for place in ("here", "there"))
    with cases_done_here():
        assert main([*words, "--output", here]) == 1
    said_here = capsys.readouterr()
    assert main([*words, "--output", there, "--cluster", cluster]) == 1
    said_there = capsys.readouterr()
    assert "case_2" in said_there.err
    assert sorted(said_there.err.splitlines()) == sorted(said_here.err.splitlines())
    assert said_there.out.replace(there, here) == said_here.out
    assert written(there) == written(here)


def written(folder: str) -> dict[str, bytes]:
    """Every file with its bytes."""
    files = tree(Path(folder))
    assert len(files) > 1
    return files


def test_predictions_of_several_processes_here_are_those_of_one(world, monkeypatch, capsys):
    monkeypatch.setenv(QUIET_VARIABLE, "1")
    monkeypatch.chdir(world)
    assert predict.main([*MASKS, "--output", "one"]) == predict.main([*MASKS, "--output", "two", "--workers", "2"]) == 1
    assert "2 of 3 cases segmented, masks in two" in capsys.readouterr().out
    assert written("two") == written("one")
