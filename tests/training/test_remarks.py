"""What is hardly meant of a training is told where it begins, and in a dry run."""

from ramify.training.rehearsal import dry_run
from ramify.training.run_folder import RunFolder
from tests.training.test_presentation import settings_of


def test_a_dry_run_warns_of_patches_epochs_and_other_folds(tiny_cases, tmp_path, capsys):
    settings = settings_of(tiny_cases, tmp_path, patch=(16, 32, 32))
    train, validation = (
        section.model_copy(update=changed)
        for section, changed in ((settings.train, {"epochs": 30}), (settings.validation, {"every": 1}))
    )
    settings = settings.model_copy(update={"train": train, "validation": validation})
    other = RunFolder(tmp_path / "fold_1")
    other.root.mkdir()
    other.write_config(
        settings.model_copy(update={"fold": 1, "model": settings.model.model_copy(update={"base_channels": 4})})
    )
    dry_run(settings, lambda line: None)
    begins = ["loading.patch_size 16 32 32: 75 %", "an epoch has 2 steps: 30 epochs are 60 steps", "fold_1 of this run"]
    lines = capsys.readouterr().err.splitlines()
    for line, beginning in zip(lines, begins, strict=True):
        assert line.startswith(f"warning: {tmp_path / 'fold_0'}: {beginning}")
