"""Classes that make a setting do what is hardly meant are told, once, on a line."""

from typing import Any

import pytest
import torch

from ramify.data.augmentations.swaps import sides_among
from ramify.losses.scale_contrast import ScaleContrast
from ramify.losses.settings import LossSettings
from ramify.losses.shared_anchors import BACKGROUND
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.tasks.settings import Main
from ramify.training.class_remarks import remarks_on_classes
from ramify.training.settings import RunSettings

SIDES = {"classes": {"R-PCA": 2, "L-PCA": 3, "BA": 1}}
TUMOUR = {"values": 2, "role": "context"}


def remarks(table: dict[str, Any], main: Main = "classes", **settings: Any) -> list[str]:
    training = RunSettings.model_validate({"cases": "c", "output": "r", **settings})
    return remarks_on_classes(training, Tasks(main, "none", 1, ClassTable.model_validate(table)))


def test_left_and_right_that_are_mirrored_into_one_another():
    (line,) = remarks(SIDES)
    assert line.startswith("classes R-PCA and L-PCA: a mirrored sample has the one where the other lies; set ")
    assert "augmentation.flip_swaps: {R-PCA: L-PCA}" in line


@pytest.mark.parametrize(
    ("table", "settings"),
    [
        (SIDES, {"augmentation": {"flip_probability": 0}}),
        (SIDES, {"augmentation": {"flip_swaps": {"R-PCA": "L-PCA"}}}),
        (SIDES, {"train": {"augment": False}}),
        (SIDES, {"main": "vessels"}),
        ({"classes": {"portal": 1, "hepatic": 2}}, {}),
    ],
)
def test_nothing_to_say_of_sides(table, settings):
    assert remarks(table, **settings) == []


def test_which_names_are_of_two_sides():
    names = ["left portal", "right portal", "Left_ICA", "right_ica", "bright", "L", "R", "cleft"]
    assert sides_among(names) == [("left portal", "right portal"), ("Left_ICA", "right_ica"), ("L", "R")]
    assert sides_among(["left", "left_upper", "right_lower"]) == []


def test_terms_of_trees_where_every_region_holds_context():
    regions = {"both": ["vessel", "tumour"], "sick": ["tumour", "bile"]}
    table: dict[str, Any] = {"classes": {"vessel": 1, "tumour": TUMOUR, "bile": 3}, "regions": regions}
    loss = {"loss": {"main": {"dice": 1, "soft_cldice": 1, "cbdice": 0, "skeleton_recall": 0.5}}}
    line, _ = remarks(table, "regions", **loss)
    assert line.startswith("loss.main.soft_cldice, loss.main.skeleton_recall: no effect, since every region holds cont")
    assert remarks(table, "classes", **loss) == []
    assert remarks(table, "regions") == [
        "classes bile: no region is written as such, so that no prediction will have any"
    ]


def test_a_region_that_a_later_one_is_written_over():
    table: dict[str, Any] = {"classes": {"rim": 1, "core": 2}, "regions": {"core_": "core", "all": ["rim", "core"]}}
    (line,) = remarks(table, "regions")
    assert line == "regions.core_: all comes later, holds all of it and is written over it; name all first"
    table["regions"] = dict(reversed(table["regions"].items()))
    assert remarks(table, "regions") == []


def test_unknown_positions_are_no_background_in_a_picture_of_embeddings():
    settings = LossSettings.model_validate({"anchors": {"near_background": 1}})
    contrast = ScaleContrast(settings, "shared", 1)
    scale_map = torch.zeros(1, 1, 4, dtype=torch.long)
    scale_map[..., 1] = 1
    ignored = torch.zeros(1, 1, 4, dtype=torch.bool)
    ignored[..., 2] = True
    embeddings = torch.arange(4.0).reshape(1, 1, 1, 4)
    points, labels = contrast.positions((embeddings,), scale_map)
    assert labels.tolist() == [BACKGROUND, 1, BACKGROUND]
    points, labels = contrast.positions((embeddings,), scale_map, ignored)
    assert (points.flatten().tolist(), labels.tolist()) == ([0.0, 1.0], [BACKGROUND, 1])
