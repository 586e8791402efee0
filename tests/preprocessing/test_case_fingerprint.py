"""What is measured of a case before anything is done to it."""

import dataclasses

import numpy as np
import pytest

from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.preprocessing.case_fingerprint import fingerprint_of
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings


def tube(with_organ=True):
    """A straight vessel, 8 mm thick and 60 mm long, through a box of an organ that holds half of it."""
    shape, spacing = (24, 24, 70), (1.0, 1.0, 1.0)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    vessels = ((z - 12) ** 2 + (y - 12) ** 2 <= 16) & (x >= 5) & (x < 65)
    organ = np.zeros(shape, bool)
    organ[2:22, 3:20, 35:] = True
    image = np.where(vessels, 200, np.where(organ, 50, -800)).astype(np.int16)
    volume = Volume(image, spacing)
    return RawCase(
        case_id="tube",
        patient_id="tube",
        images={"image": volume},
        organ=volume.with_array(organ) if with_organ else None,
        vessels=volume.with_array(vessels),
        structures={},
        provenance={},
    )


def settings(**more):
    return PreprocessingSettings(grid=GridSettings(margin_mm=0), **more)


def test_calibres_and_grey_values_of_a_straight_vessel():
    found = fingerprint_of(tube(with_organ=False), settings())
    # Thinning ends at most as far from the tips as the vessel is wide to its side.
    assert 52 <= found.calibres.length_mm <= 60
    assert np.median(found.calibres.diameters_mm) == pytest.approx(8, abs=0.5)
    assert (found.shape, found.box, found.has_organ) == ((24, 24, 70), (24, 24, 70), False)
    greys = found.channels["image"]
    assert (greys.lowest, greys.highest, greys.vessels.mean, greys.vessels.deviation) == (-800, 200, 200, 0)
    assert greys.around is None


def test_what_lies_outside_the_organ_counts_where_vessels_are_not_cut_to_it():
    cut, whole = (fingerprint_of(tube(), settings(restrict_to_organ=its)) for its in (True, False))
    assert 26 <= cut.calibres.length_mm <= 30
    assert 52 <= whole.calibres.length_mm <= 60
    # No rim of the organ has made a thin branch.
    assert min(cut.calibres.diameters_mm) > 6
    assert cut.box == (20, 17, 35)
    assert cut.channels["image"].around.mean == 50


def test_axes_are_the_patient_s():
    raw = tube(with_organ=False)
    # The file's first axis runs from the patient's left to right: it is x.
    turned = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    volume = Volume(raw.image.array, (3.0, 2.0, 1.0), direction=turned)
    masks = {"vessels": volume.with_array(raw.vessels.array)}
    found = fingerprint_of(dataclasses.replace(raw, images={"image": volume}, **masks), settings())
    assert (found.shape, found.spacing_mm) == ((70, 24, 24), (1.0, 2.0, 3.0))


def test_a_case_without_a_vessel_has_no_calibre():
    raw = tube(with_organ=False)
    empty = dataclasses.replace(raw, vessels=raw.vessels.with_array(np.zeros(raw.image.shape, bool)))
    found = fingerprint_of(empty, settings())
    assert (found.calibres.length_mm, found.calibres.diameters_mm) == (0, ())
    assert found.channels["image"].vessels is None
