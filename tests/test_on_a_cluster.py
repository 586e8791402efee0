"""Commands on a cluster write what they write in one process, bit for bit, and fail as they do there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ramify import analyse, evaluate, experiment, predict, preprocess
from ramify.console.progress import QUIET_VARIABLE
from ramify.disk.outputs import Outputs
from ramify.experiments import runner
from tests.case_processes import CrewHere, cases_done_here
from tests.preprocess.pairs import tree, write_pairs
from tests.processes.cluster_jobs import has_gpus
from tests.tiny_checkpoints import write_fold

distributed = pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]
CASES = ("--dataset", "pairs", "--root", "data", "--folds.folds", "2", "--masks")
MASKS = ("--input", "data/images", "--organ", "data/organs", "--checkpoint", "run", "--device", "cpu")
ROOT = Path(__file__).parents[1]
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
    here = f"{main.__module__}-here"
    with cases_done_here():
        assert main([*words, "--output", here]) == 1
    said_here = capsys.readouterr()
    places = {f"{main.__module__}-there": ("--cluster", cluster)}
    if main is predict.main:
        places[f"{main.__module__}-beside"] = ("--workers", "2")
    for there, place in places.items():
        assert main([*words, "--output", there, *place]) == 1
        said_there = capsys.readouterr()
        assert "case_2" in said_there.err
        assert sorted(said_there.err.splitlines()) == sorted(said_here.err.splitlines())
        assert said_there.out.replace(there, here) == said_here.out
        assert written(there) == written(here)


@pytest.fixture
def question(tiny_cases, tmp_path, monkeypatch) -> Path:
    """The file of an experiment of two tiny trainings, and where it is done."""
    monkeypatch.chdir(tmp_path)
    splits = [{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}]
    Path("splits.json").write_text(json.dumps(splits), encoding="utf-8")
    training = {
        "device": "cpu",
        "splits": "splits.json",
        "model": {"tasks": {"auxiliary": "none"}, "levels": 2, "base_channels": 2},
        "loading": {"batch_size": 1, "samples_per_epoch": 1, "patch_size": [8, 8, 8]},
        "inference": {"window": [16, 16, 16]},
        "train": {"epochs": 1},
        "validation": {"every": 100, "figures_every": 100},
    }
    content = {
        "name": "tiny",
        "cases": str(tiny_cases),
        "train": {"settings": training},
        "variants": {"binary": {}, "quicker": {"train": {"train.learning_rate": 0.1}}},
        "folds": [0],
        "measures": ["dice"],
        "evaluation": {"measures": ["overlap"]},
    }
    file = tmp_path / "question.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.fixture
def one_gpu(cluster) -> Iterator[None]:
    """One of the two workers has a GPU: it has all runs, and so one process alone that loads torch."""
    with distributed.Client(scheduler_file=cluster, set_as_default=False) as client:
        client.wait_for_workers(1)
        one = min(client.nthreads())
        client.run(has_gpus, 1, workers=[one])
        yield
        client.run(has_gpus, 0, workers=[one])


@pytest.mark.usefixtures("one_thread", "one_gpu")
def test_an_experiment_is_that_of_one_process(question, cluster, monkeypatch, capfd):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "crew_of", lambda tool, *_: CrewHere(tool))
        assert experiment.main([str(question), "--output", "here"]) == 0
    said_here = capfd.readouterr().out
    assert experiment.main([str(question), "--output", "there", "--cluster", cluster]) == 0
    assert capfd.readouterr().out.replace("there", "here") == said_here
    here, there = (scores(Path(place)) for place in ("here", "there"))
    assert {Path(name).name for name in here} == {"history.csv", "metrics.json", "pairs.csv", "table.csv"} | {
        f"case_{number}.nii.gz" for number in (2, 3)
    }
    assert there == here
    assert all(path.stat().st_size for path in Path("there").rglob("log.txt"))
    assert len([*Path("there").rglob("log.txt")]) == 2


def scores(folder: Path) -> dict[str, bytes]:
    """What an experiment found, as bytes."""
    names = ("history.csv", "metrics.json", "pairs.csv", "table.csv", "case_*.nii.gz")
    return {str(path.relative_to(folder)): path.read_bytes() for name in names for path in folder.rglob(name)}


HOLD = """
import sys
from pathlib import Path
from ramify.processes.folder_lock import held
with held(Path(sys.argv[1]), "experiment.py"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_command_on_a_cluster_is_refused_at_the_same_output(question, cluster, capfd):
    Outputs().claim_folder(Path("there/tiny"), "experiment")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, "there/tiny"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        holder = rf"there/tiny: experiment\.py \(process {first.pid} on .*\) is at work on it; wait, or choose another"
        with pytest.raises(ValueError, match=holder):
            experiment.main([str(question), "--output", "there", "--cluster", cluster])
        first.communicate(b"")
    assert not [*Path("there").rglob("runs")]


def written(folder: str) -> dict[str, bytes]:
    """Every file with its bytes."""
    files = tree(Path(folder))
    assert len(files) > 1
    return files
