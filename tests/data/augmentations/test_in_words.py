"""Which augmentations are on, as a person reads it."""

from pathlib import Path

import pytest
import yaml

from ramify.command_line.shipped_settings import FOLDER
from ramify.data.augmentations.in_words import augmentations_in_words
from ramify.data.augmentations.kind_settings import Occasional
from ramify.data.augmentations.settings import AugmentationSettings

OFF = {"probability": 0, "flip_probability": 0, "gamma": [1, 1]}


def words_of(**given):
    return augmentations_in_words(AugmentationSettings.model_validate({**OFF, **given}))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, []),
        ({"scaling": {"zoom": [0.7, 1.4]}}, []),
        ({"scaling": {"zoom": [0.7, 1.4], "probability": 0.2}}, ["scaling, zoom 0.7 to 1.4 (20 %)"]),
        ({"elastic": {"probability": 0.1}}, ["elastic, magnitude 0 to 4 mm (10 %)"]),
        ({"low_resolution": {"probability": 0.125}}, ["low resolution, factor 0.5 to 1 (12.5 %)"]),
        ({"probability": 1, "rotation_degrees": 0}, ["shift to 10 mm (100 %)"]),
        ({"probability": 1, "rotation_degrees": 0, "translation_mm": 0}, []),
        ({"gamma": [0.5, 2], "gamma_probability": 0.3}, ["gamma 0.5 to 2 (30 %)"]),
        ({"gamma": [0.5, 2], "gamma_probability": 0}, []),
    ],
)
def test_what_is_on_is_told_with_its_range(given, words):
    assert words_of(**given) == words


def test_every_kind_has_words():
    kinds = [name for name, section in AugmentationSettings() if isinstance(section, Occasional)]
    words = words_of(**{name: {"probability": 0.5} for name in kinds})
    assert [each.partition(",")[0].replace(" ", "_") for each in words] == kinds


def test_a_recipe_is_told_whole():
    path: Path = FOLDER / "recipes" / "small.yaml"
    settings = AugmentationSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["augmentation"])
    assert augmentations_in_words(settings) == [
        "rotation to 15 degrees and shift to 4 mm (20 %)",
        "flips (50 % an axis)",
        "noise, sd 0 to 0.05 (15 %)",
        "brightness, factor 0.75 to 1.25 (15 %)",
        "contrast, factor 0.75 to 1.25 (15 %)",
        "gamma 0.8 to 1.25 (100 %)",
    ]
