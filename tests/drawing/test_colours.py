"""Colours that mean different things are told apart, whoever looks."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from ramify.drawing.colours import (
    AGREEING,
    BACKDROP,
    EXTRA,
    MISNAMED,
    MISSED,
    PREDICTION,
    Colour,
    as_hex,
    blend,
    class_colours,
    scale_colours,
)

# From linear red, green and blue to what is seen without one kind of cones (Machado et al. 2009, severity 1).
EYES = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
MEANINGS = {"missed": MISSED, "extra": EXTRA, "agreeing": AGREEING}
MEANINGS |= dict(zip(("small", "medium", "large"), scale_colours(3)))


def light(colour: Colour) -> np.ndarray:
    """Linear red, green and blue."""
    channels = np.array(colour) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def seen(colour: Colour, eyes: str) -> np.ndarray:
    """CIE L*a*b* of a colour as those eyes see it."""
    linear = np.clip(np.array(EYES[eyes]) @ light(colour), 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def contrast(first: Colour, second: Colour) -> float:
    """Contrast ratio of WCAG 2, 1 to 21."""
    darker, lighter = sorted(float(light(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (first, second))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("eyes", EYES)
def test_scales_errors_and_agreement_are_told_apart_by_all_eyes(eyes):
    for one, other in combinations(MEANINGS, 2):
        apart = deltaE_ciede2000(seen(MEANINGS[one], eyes), seen(MEANINGS[other], eyes))
        assert apart > 15, f"{one} and {other} differ by {apart:.1f} (CIEDE2000)"


@pytest.mark.parametrize("meaning", MEANINGS)
def test_every_meaning_stands_out_from_the_backdrop(meaning):
    # The contrast that WCAG 2 asks of graphics.
    assert contrast(MEANINGS[meaning], BACKDROP) > 3
    assert contrast(PREDICTION, BACKDROP) > 3


def test_colours_of_scales_keep_apart_and_fall_in_lightness():
    for count in (1, 2, 3, 4, 6):
        colours = scale_colours(count)
        assert len(colours) == count
        lightness = [seen(colour, "all cones")[0] for colour in colours]
        assert lightness == sorted(lightness, reverse=True)
        for one, other in combinations(colours, 2):
            assert deltaE_ciede2000(seen(one, "all cones"), seen(other, "all cones")) > 10


def test_colours_are_mixed_by_weight():
    mixed = blend([(200, 0, 0), (0, 100, 0)], np.array([[1.0, 3.0, 0.0], [1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(mixed, [[100, 50, 0], [200, 0, 0], [0, 0, 0]])


def test_a_colour_is_written_in_six_digits():
    assert as_hex((0, 10, 255)) == "#000aff"


@pytest.mark.parametrize("eyes", EYES)
def test_classes_are_told_apart_by_all_eyes(eyes):
    """Eight well, and sixteen still; from errors and agreement, too, beside which they are shown."""
    colours = class_colours(16)
    for count, least in ((8, 10), (16, 6)):
        for one, other in combinations(colours[:count], 2):
            apart = deltaE_ciede2000(seen(one, eyes), seen(other, eyes))
            assert apart > least, f"{one} and {other} differ by {apart:.1f} (CIEDE2000)"
    for colour in colours:
        assert contrast(colour, BACKDROP) > 3
        for name, error in (("missed", MISSED), ("extra", EXTRA), ("agreeing", AGREEING)):
            apart = deltaE_ciede2000(seen(colour, eyes), seen(error, eyes))
            assert apart > 6, f"{colour} and {name} differ by {apart:.1f} (CIEDE2000)"


@pytest.mark.parametrize("eyes", EYES)
def test_another_class_is_no_other_error(eyes):
    for other in (MISSED, EXTRA, AGREEING):
        assert deltaE_ciede2000(seen(MISNAMED, eyes), seen(other, eyes)) > 15


def test_a_class_keeps_its_colour():
    assert class_colours(5) == class_colours(16)[:5]
    assert len(set(class_colours(16))) == 16
    assert class_colours(18)[16:] == class_colours(2)
