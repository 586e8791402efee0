"""Phantoms are determined by their seed, independent of their grid, and consistent with their trees."""

import numpy as np
import pytest
from pydantic import ValidationError

from ramify.phantoms.phantom import HEPATIC, PORTAL, TUMOURS, grow_phantom, grow_vessels
from ramify.phantoms.rasterisation import owning_edges, rasterise
from ramify.phantoms.settings import PhantomSettings, TreeSettings

SMALL = PhantomSettings(size=(32, 32, 32), spacing_mm=(4.0, 4.0, 4.0), trees=TreeSettings(terminals=10))


@pytest.fixture(scope="module")
def phantom():
    return grow_phantom(SMALL, 0)


def test_same_seed_gives_the_same_bytes(phantom):
    again, other = grow_phantom(SMALL, 0), grow_phantom(SMALL, 1)
    for field in ("image", "organ", "vessels"):
        assert getattr(phantom, field).tobytes() == getattr(again, field).tobytes()
        assert getattr(phantom, field).tobytes() != getattr(other, field).tobytes()
    assert phantom.graph.nodes_mm.tobytes() == again.graph.nodes_mm.tobytes()
    assert phantom.graph.radii_mm.tobytes() == again.graph.radii_mm.tobytes()
    for name, mask in phantom.structures.items():
        assert mask.tobytes() == again.structures[name].tobytes()


def test_types_and_shapes(phantom):
    assert phantom.image.dtype == np.float32
    assert np.isfinite(phantom.image).all()
    masks = [phantom.organ, phantom.vessels, *phantom.structures.values()]
    assert {mask.dtype for mask in masks} == {np.dtype(bool)}
    assert {mask.shape for mask in [phantom.image, *masks]} == {(32, 32, 32)}
    assert set(phantom.structures) == {PORTAL, HEPATIC, TUMOURS} == {"portalvein", "venoussystem", "tumours"}
    assert phantom.spacing_mm == (4.0, 4.0, 4.0)


def test_vessels_are_the_two_trees_apart(phantom):
    portal, hepatic = phantom.structures[PORTAL], phantom.structures[HEPATIC]
    assert (phantom.vessels == (portal | hepatic)).all()
    assert not (portal & hepatic).any()
    assert portal.any()
    assert hepatic.any()
    assert not (phantom.structures[TUMOURS] & phantom.vessels).any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_vessels_stay_in_the_organ(seed):
    settings = PhantomSettings(size=(48, 48, 48), spacing_mm=(3.0, 3.0, 3.0), trees=TreeSettings(terminals=20))
    grown = grow_phantom(settings, seed)
    share = rasterise(grown.graph, settings.size, settings.spacing_mm)
    # Not by the mask's making, which is cut at the surface, but by the trees' own.
    assert not ((share >= 0.5) & ~grown.organ).any()
    assert 0.1 < grown.organ.mean() < 0.6


@pytest.mark.parametrize(("size", "spacing_mm"), [((32, 32, 32), (4.0, 4.0, 4.0)), ((48, 40), (3.0, 4.0))])
def test_half_the_spacing_shows_the_same_organ_and_trees(size, spacing_mm):
    ndim = len(size)
    finer = {"size": tuple(2 * n for n in size), "spacing_mm": tuple(step / 2 for step in spacing_mm)}
    coarse = grow_phantom(PhantomSettings(size=size, spacing_mm=spacing_mm, trees=TreeSettings(terminals=6)), 3)
    fine = grow_phantom(PhantomSettings(**finer, trees=TreeSettings(terminals=6)), 3)

    for field in ("nodes_mm", "edges", "radii_mm", "trees"):
        assert getattr(coarse.graph, field).tobytes() == getattr(fine.graph, field).tobytes()
    blocks = tuple(part for n in size for part in (n, 2))
    for one, other in [(coarse.organ, fine.organ), *zip(coarse.structures.values(), fine.structures.values())]:
        mean = other.reshape(blocks).mean(axis=tuple(range(1, 2 * ndim, 2)))
        # The same shape: wherever all fine voxels agree, so does the coarse one; but for what is thinner than it.
        assert (one[mean == 1]).mean() > 0.98
        assert (one[mean == 0]).mean() < 0.02


def test_plane(phantom):
    flat = grow_phantom(PhantomSettings(size=(64, 64), spacing_mm=(3.0, 3.0), trees=TreeSettings(terminals=12)), 0)
    assert flat.image.shape == flat.organ.shape == flat.vessels.shape == (64, 64)
    assert flat.graph.ndim == 2
    assert len(flat.graph.terminals()) == 24
    assert not (flat.structures[PORTAL] & flat.structures[HEPATIC]).any()


def test_anisotropic_grid_of_any_size():
    grown = grow_phantom(
        PhantomSettings(size=(16, 41, 29), spacing_mm=(6.0, 2.5, 4.0), trees=TreeSettings(terminals=4)), 0
    )
    assert grown.image.shape == (16, 41, 29)
    assert grown.vessels.any()


def test_every_vessel_voxel_has_a_true_radius(phantom):
    owners = owning_edges(phantom.graph, phantom.vessels, phantom.spacing_mm)
    assert (owners[phantom.vessels] >= 0).all()
    names = np.array(phantom.graph.tree_names)[phantom.graph.trees]
    # Trees keep apart, so a voxel half full of one belongs to it.
    for name in (PORTAL, HEPATIC):
        assert (names[owners[phantom.structures[name]]] == name).all()


def test_defaults_follow_the_volume():
    settings = PhantomSettings(size=(64, 64, 64), spacing_mm=(2.0, 2.0, 2.0))
    doubled = PhantomSettings(size=(64, 64, 64), spacing_mm=(4.0, 4.0, 4.0))
    assert doubled.root_radius_mm == pytest.approx(2 * settings.root_radius_mm)
    _, graph = grow_vessels(settings, 0)
    assert graph.radii_mm.max() == pytest.approx(settings.root_radius_mm)
    assert graph.radii_mm.min() >= settings.min_radius_mm * (1 - 1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (64, 64), "spacing_mm": (1.0, 1.0, 1.0)}, "expected as many numbers in both"),
        ({"size": (64,), "spacing_mm": (1.0,)}, "at least 2"),
        ({"size": (8, 64, 64)}, "at least 16 voxels"),
        ({"spacing_mm": (0.0, 1.0, 1.0)}, "spacing_mm .* positive"),
        ({"spacing_mm": (float("nan"), 1.0, 1.0)}, "spacing_mm .* positive"),
        ({"trees": {"terminals": 0}}, "terminals"),
        ({"trees": {"murray_exponent": 1.0}}, "murray_exponent"),
        ({"trees": {"terminals": 100, "min_radius_mm": 3.0}}, "100 terminals of at least 3 mm do not fit"),
        ({"image": {"noise_hu": -1.0}}, "noise_hu"),
        ({"image": {"tumour_radius_mm": (9.0, 4.0)}}, "tumour_radius_mm"),
        ({"imag": {}}, "imag"),
    ],
)
def test_bad_settings_are_told(settings, message):
    with pytest.raises(ValidationError, match=message):
        PhantomSettings.model_validate(settings)


def test_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed: expected 0 or more, got -1"):
        grow_phantom(SMALL, -1)


def test_trunk_too_thick_for_the_organ_is_told_in_one_line():
    settings = PhantomSettings(
        size=(32, 32, 32), spacing_mm=(4.0, 4.0, 4.0), trees=TreeSettings(root_radius_mm=45.0, terminals=3)
    )
    with pytest.raises(ValueError, match=r"root_radius_mm: .* does not fit an organ") as told:
        grow_phantom(settings, 0)
    assert "\n" not in str(told.value)
