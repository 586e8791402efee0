"""Anatomies hold together: labels are what the trees are, as a reader would draw them."""

import numpy as np
import pytest
from scipy import ndimage

from ramify.phantoms.anatomy import SYSTEMS, grow_anatomy
from ramify.phantoms.anatomy_settings import AnatomySettings
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.tissues import FIRST_LESION, MOST_LESIONS, Tissue
from tests.synthesis.tiny import TINY


@pytest.fixture(scope="module")
def anatomy():
    return grow_anatomy(AnatomySettings.model_validate(TINY), 3)


def test_the_same_seed_gives_the_same_bytes(anatomy):
    again, other = (grow_anatomy(AnatomySettings.model_validate(TINY), seed) for seed in (3, 4))
    assert np.array_equal(again.tissues, anatomy.tissues)
    assert np.array_equal(again.shares, anatomy.shares)
    assert other.tissues.shape != anatomy.tissues.shape or not np.array_equal(other.tissues, anatomy.tissues)


def test_labels_lie_inside_the_organ_and_apart(anatomy):
    portal, hepatic = (anatomy.vessels[name] for name in SYSTEMS)
    assert portal.any()
    assert hepatic.any()
    assert not (portal & hepatic).any()
    assert not ((portal | hepatic) & ~anatomy.organ).any()
    lesions = anatomy.lesions
    # Each of the two that were asked for has a number of its own.
    assert set(np.unique(anatomy.tissues[lesions])) == {FIRST_LESION, FIRST_LESION + 1}
    assert not anatomy.shares[:, lesions].any()
    rest = anatomy.tissues[anatomy.organ & ~lesions]
    assert set(np.unique(rest)) == {Tissue.LIVER, Tissue.FAT}
    assert (rest == Tissue.LIVER).mean() > 0.8


def test_vessels_too_thin_to_be_drawn_are_in_the_image_alone(anatomy):
    settings = AnatomySettings.model_validate(TINY)
    thin = anatomy.graph.radii_mm < settings.drawn_from_mm
    assert thin.any()
    # What is drawn is as thick as that at the least: no label is thinner than the vessel it is of.
    for name, share in zip(SYSTEMS, anatomy.shares, strict=True):
        tree = anatomy.graph.tree(name)
        whole = rasterise(tree, anatomy.organ.shape, anatomy.spacing_mm)
        assert np.abs(share / 255 - np.where(anatomy.lesions, 0, whole)).max() < 0.5 / 255 + 1e-6
    both = anatomy.vessels[SYSTEMS[0]] | anatomy.vessels[SYSTEMS[1]]
    filled = anatomy.organ & (anatomy.shares.max(axis=0) > 250)
    assert both[filled].mean() > 0.95


def test_portal_and_hepatic_vessels_reach_the_organs_surface_from_outside(anatomy):
    near_surface = anatomy.organ & ~ndimage.binary_erosion(anatomy.organ)
    for name, share in zip(SYSTEMS, anatomy.shares, strict=True):
        assert (anatomy.vessels[name] & near_surface).any(), name
        assert (share[~anatomy.organ] > 127).any(), name


@pytest.mark.parametrize("lesions", [(5, 2), (-1, 3), (0, MOST_LESIONS + 1)])
def test_numbers_of_lesions_that_cannot_be_drawn_are_refused(lesions):
    with pytest.raises(ValueError, match="AnatomySettings: lesions"):
        AnatomySettings(lesions=lesions)


def test_a_negative_seed_and_bounds_that_fall_are_refused():
    with pytest.raises(ValueError, match="seed: expected 0 or more, got -1"):
        grow_anatomy(AnatomySettings.model_validate(TINY), -1)
    with pytest.raises(ValueError, match="smaller number first"):
        AnatomySettings(bend_mm=(3.0, 1.0))
