"""The table of the probe: a row a kind of features, of the trained network and of one with fresh weights."""

import json
import shutil
from pathlib import Path

from benchmarks import probe
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings


def test_a_row_a_kind_of_features(tiny_cases: Path, tmp_path: Path, capsys, numbers_of):
    store = tmp_path / "cases"
    shutil.copytree(tiny_cases, store)
    splits = [{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}]
    (store / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    settings = {
        "cases": store,
        "output": tmp_path / "run",
        "device": "cpu",
        "model": {"levels": 2, "base_channels": 2},
        "loss": {"lambda_scales": [1.0], "anchors": {"cap": 16}},
        "train": {"epochs": 1, "augment": False},
    }
    train_run(RunSettings.model_validate(settings))
    assert probe.main(["--run", str(tmp_path / "run"), "--device", "cpu"]) == 0
    head, columns, *rows = capsys.readouterr().out.splitlines()
    assert head.endswith("2 held-out cases, balanced accuracy; chance 0.500")
    assert columns.split() == ["features", "trained", "untrained", "scale", "1", "scale", "2"]
    names = [row.split()[0] for row in rows]
    encoder, decoder = ["encoder.0", "encoder.1", "encoder.2", "bottleneck"], ["main_decoder.1", "main_decoder.0"]
    assert names == [*encoder, *decoder, "intensity", "surroundings"]
    for name, row in zip(names, rows):
        values = numbers_of(row.removeprefix(name))
        assert len(values) == (4 if "." in name or name == "bottleneck" else 3)
        assert all(0.0 <= value <= 1.0 for value in values)
        assert abs(values[0] - (values[-1] + values[-2]) / 2) < 0.002
