"""The folder of a training: who may write into it, and what its user may change in it."""

import json

import pytest

from ramify.disk import own_files
from ramify.disk.atomic_files import write_whole
from ramify.disk.ledger import MARK
from ramify.tasks.class_table import SINGLE
from ramify.training.run_folder import claim_run, kept_run
from ramify.training.settings import RunSettings


def test_a_second_training_that_is_refused_leaves_the_first_ones_folder(tmp_path):
    """Of two that begin at once, the second must not take the mark from a folder that is still empty."""
    settings = RunSettings(cases=tmp_path, output=tmp_path / "run")
    with kept_run(settings):
        with pytest.raises(ValueError, match="at work on it"), kept_run(settings):
            pytest.fail("two trainings in one folder")
        assert (tmp_path / "run" / "fold_0" / MARK).exists()
    assert not (tmp_path / "run" / "fold_0").exists()


def test_settings_changed_in_the_runs_own_folder_are_no_obstacle_to_go_on(tmp_path, monkeypatch):
    settings = RunSettings(cases=tmp_path, output=tmp_path / "run")
    folder = claim_run(settings)
    folder.write_description(
        settings,
        {
            "cases": {"train": [], "validation": []},
            "identities": {},
            "channels": ["image"],
            "classes": SINGLE.model_dump(),
            "source": {"vessel_labels": [2]},
        },
    )
    # By which an evaluation knows the vessels of a label map.
    assert json.loads((folder.root / "run.json").read_text(encoding="utf-8"))["source"] == {"vessel_labels": [2]}
    write_whole(folder.checkpoint("latest"), b"")
    monkeypatch.setattr(own_files, "_written", {})
    config = folder.root / "config.yaml"
    config.write_text("# more epochs\n", encoding="utf-8")
    claim_run(settings.model_copy(update={"resume": True}))
    assert config.read_text(encoding="utf-8") == "# more epochs\n"
    with pytest.raises(ValueError, match=r"config\.yaml: was not written by Ramify, or was changed since"):
        claim_run(settings)
