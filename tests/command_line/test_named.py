"""Which settings files and flags name."""

from ramify.command_line import named_settings
from ramify.training.settings import TrainCommand


def test_settings_of_files_and_flags_whatever_their_values(tmp_path):
    config = tmp_path / "some.yaml"
    config.write_text("loading: {patch_size: null, scale_shares: [1]}\nmodel: {arguments: {depth: 3}}\nseed: 0\n")
    argv = ["--config", str(config), "--loading.batch-size", "2", "--train.learning_rate=0.1", "--train.no-augment"]
    assert named_settings(TrainCommand, argv) == {
        "loading.patch_size",
        "loading.scale_shares",
        "model.arguments.depth",
        "seed",
        "loading.batch_size",
        "train.learning_rate",
        "train.augment",
    }


def test_nothing_is_named_by_nothing():
    assert named_settings(TrainCommand, []) == frozenset()
