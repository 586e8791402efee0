"""Other folds of a run, whose networks predict together with this one's."""

import pytest

from ramify.training.other_folds import other_folds, remarks_on_folds
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings


def begun(output, fold, **model):
    settings = RunSettings.model_validate({"cases": "cases", "output": output, "fold": fold, "model": model})
    folder = RunFolder(output / f"fold_{fold}")
    folder.root.mkdir()
    folder.write_config(settings)
    return settings


def test_they_are_those_that_have_begun_by_number(tmp_path):
    for fold in (10, 2, "all", 0):
        settings = begun(tmp_path, fold)
    (tmp_path / "fold_0_old").mkdir()
    (tmp_path / "fold_3").mkdir()
    (tmp_path / "fold_4").mkdir()
    (tmp_path / "fold_4" / "config.yaml").write_text("of: another version\n", encoding="utf-8")
    found = [(folder.root.name, its.fold) for folder, its in other_folds(settings)]
    assert found == [("fold_all", "all"), ("fold_2", 2), ("fold_10", 10)]


@pytest.mark.parametrize(("channels", "count"), [(8, 0), (16, 1)])
def test_another_network_is_told_once(tmp_path, channels, count):
    for fold in (0, 1):
        begun(tmp_path, fold, base_channels=8)
    told = [*remarks_on_folds(begun(tmp_path, 2, base_channels=channels))]
    assert len(told) == count
    for line in told:
        assert line.startswith("fold_0 of this run has another network (model.base_channels 8 there, 16 here)")
