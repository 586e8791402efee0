"""A setting that has no effect beside the others is named with what it needs, once a training and on a line."""

from pathlib import Path
from typing import Any

import pytest

from ramify.command_line import parse
from ramify.command_line.shipped_settings import FOLDER
from ramify.training.idle_settings import idle_settings
from ramify.training.loop import train_run
from ramify.training.rehearsal import dry_run
from ramify.training.settings import RunSettings
from tests.training.test_presentation import settings_of


def lines_of(head: str = "none", model: dict[str, Any] | None = None, **sections: Any) -> list[str]:
    contrast = {"contrast": {"head": head}} | (model or {})
    return idle_settings(RunSettings.model_validate({"cases": "c", "output": "r", "model": contrast, **sections}))


ANY = "no effect without model.contrast.head per_scale or shared"
SHARED = "no effect without model.contrast.head shared"


@pytest.mark.parametrize(
    ("head", "loss", "line"),
    [
        ("none", {"lambda_contrastive": 0.1}, f"loss.lambda_contrastive 0.1: {ANY}"),
        ("none", {"lambda_contrastive": 0.0}, None),
        ("none", {"in_turn": True}, None),
        ("none", {"hard_negatives": 1, "anchors": {"bank": 8}}, f"loss.hard_negatives 1.0, loss.anchors.bank 8: {ANY}"),
        ("per_scale", {"lambda_contrastive": 0.1, "hard_negatives": 1, "anchors": {"bank": 8, "mode": "masked"}}, None),
        ("per_scale", {"anchors": {"mixed": "left_out"}}, f"loss.anchors.mixed left_out: {SHARED}"),
        ("per_scale", {"anchors": {"errors": 0.5}}, f"loss.anchors.errors 0.5: {SHARED}"),
        ("per_scale", {"anchors": {"near_background": 0}}, f"loss.anchors.near_background 0: {SHARED}"),
        ("shared", {"anchors": {"mixed": "left_out", "errors": 0.5, "near_background": 0}}, None),
        (
            "shared",
            {"anchors": {"mode": "masked"}},
            "loss.anchors.mode masked: no effect without model.contrast.head per_scale",
        ),
        (
            "none",
            {"skeleton_recall": {"balance": "scales"}},
            "loss.skeleton_recall.balance scales: no effect without skeleton_recall in loss.main or loss.auxiliary",
        ),
        ("none", {"skeleton_recall": {"balance": "scales"}, "auxiliary": {"skeleton_recall": 1.0}}, None),
    ],
)
def test_settings_of_the_loss(head, loss, line):
    assert lines_of(head, loss=loss) == ([] if line is None else [line])


def test_where_a_shared_head_would_sit():
    model = {"contrast": {"head": "none", "features": "encoder.0"}}
    assert lines_of(model=model) == [f"model.contrast.features encoder.0: {ANY}"]


def test_heads_of_scales_that_are_no_tasks():
    (line,) = lines_of("per_scale", {"tasks": {"auxiliary": "none"}}, loss={"hard_negatives": 2})
    assert line.endswith("no effect without model.tasks.auxiliary scales or model.contrast.head shared")


@pytest.mark.parametrize(("vessel_patches", "count"), [(0.0, 1), (0.1, 0)])
def test_shares_of_patches_that_are_on_no_vessel(vessel_patches, count):
    shares = {"scale_shares": [1, 2], "class_shares": {"portal": 1}}
    loading = {"patch_size": [8, 8, 8], "vessel_patches": vessel_patches, **shares}
    named = "loading.scale_shares 1.0 2.0, loading.class_shares portal 1.0"
    assert lines_of(loading=loading) == [f"{named}: no effect without loading.vessel_patches above 0"] * count


@pytest.mark.parametrize(("flip_probability", "count"), [(0.0, 1), (0.1, 0)])
def test_swaps_of_sides_that_are_never_mirrored(flip_probability, count):
    augmentation = {"flip_probability": flip_probability, "flip_swaps": {"left": "right"}}
    expected = "augmentation.flip_swaps left right: no effect without augmentation.flip_probability above 0"
    assert lines_of(augmentation=augmentation) == [expected] * count


@pytest.mark.parametrize(
    ("augmentation", "named"),
    [
        ({"noise": {"sd": (0, 1), "channels": "together"}}, "noise.channels together, augmentation.noise.sd 0.0 1.0"),
        ({"gamma": (1, 1), "gamma_keeps": "mean_and_sd"}, "gamma_keeps mean_and_sd"),
        ({"gamma": (0.5, 2), "gamma_probability": 0}, "gamma 0.5 2.0"),
        ({"probability": 0, "translation_mm": 4}, "translation_mm 4.0"),
        ({"noise": {"probability": 0.1, "sd": (0, 1)}, "gamma_keeps": "mean_and_sd"}, None),
    ],
)
def test_ranges_of_augmentations_that_are_off(augmentation, named):
    begins = [
        line.startswith(f"augmentation.{named}: no effect without ") for line in lines_of(augmentation=augmentation)
    ]
    assert begins == [True] * (named is not None)


@pytest.mark.parametrize("paint", [True, False])
def test_an_appearance_that_is_not_painted(paint):
    line = "appearance.noise_hu 3.0 20.0: no effect without appearance.paint true"
    assert lines_of(appearance={"paint": paint, "noise_hu": (3, 20)}) == [line] * (not paint)


def test_augmentations_of_a_training_without_any():
    augmentation = {"probability": 0.2, "noise": {"probability": 0.1}}
    named = "augmentation.probability 0.2, augmentation.noise.probability 0.1"
    assert lines_of(train={"augment": False}, augmentation=augmentation) == [
        f"{named}: no effect without train.augment true"
    ]


@pytest.mark.parametrize("path", [*FOLDER.glob("*.yaml"), *FOLDER.glob("losses/*.yaml")], ids=lambda path: path.stem)
def test_shipped_settings_all_have_an_effect(path: Path):
    laid_on = ["--config", "configs/demo.yaml"] if path.stem != "paper" else []
    words = [*laid_on, "--config", str(path), "--cases", "cases", "--output", "run"]
    assert idle_settings(parse(RunSettings, "", words)) == []


@pytest.mark.integration
@pytest.mark.parametrize("looked_at", [True, False])
def test_a_training_tells_of_them_at_its_start_and_in_a_dry_run(tiny_cases, tmp_path, capsys, looked_at):
    settings = settings_of(tiny_cases, tmp_path)
    loss = settings.loss.model_dump() | {"anchors": {"errors": 0.5}}
    augmentation = {"scaling": {"zoom": [0.7, 1.4]}}
    settings = RunSettings.model_validate(settings.model_dump() | {"loss": loss, "augmentation": augmentation})
    told: list[str] = []
    if looked_at:
        dry_run(settings, told.append)
    else:
        train_run(settings, tell=told.append)
    lines = [line for line in capsys.readouterr().err.splitlines() if "no effect" in line]
    scaling = "augmentation.scaling.zoom 0.7 1.4: no effect without augmentation.scaling.probability above 0"
    assert lines == [
        f"warning: {tmp_path / 'fold_0'}: {line}" for line in (f"loss.anchors.errors 0.5: {SHARED}", scaling)
    ]
    on = "rotation to 15 degrees and shift to 10 mm (50 %); flips (50 % an axis); gamma 0.8 to 1.25 (100 %)"
    assert f"augmented:   {on}" in told


def test_forms_of_auxiliary_tasks_that_there_are_not():
    changed = {"tasks": {"auxiliary": "none"}, "auxiliary_halvings": 1, "auxiliary_width": 0.5}
    (line,) = lines_of(model=changed, loss={"in_turn": True})
    named = "model.auxiliary_halvings 1, model.auxiliary_width 0.5, loss.in_turn True"
    assert line == f"{named}: no effect without model.tasks.auxiliary scales or class_scales"
