"""The phantom's image, with everything random turned off one thing at a time, has values that are known."""

import numpy as np
import pytest
from scipy import ndimage

from ramify.phantoms.ct_image import edge_contrasts
from ramify.phantoms.phantom import HEPATIC, PORTAL, TUMOURS, grow_phantom, grow_vessels
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.settings import PhantomImageSettings, PhantomSettings, TreeSettings
from ramify.phantoms.smooth_fields import ct_noise, draw_waves, plane_waves

PLAIN = PhantomImageSettings(
    liver_hu=100,
    liver_spread_hu=0,
    portal_contrast_hu=60,
    hepatic_contrast_hu=40,
    contrast_spread=0,
    texture_hu=0,
    perfusion_hu=0,
    blur_mm=0,
    noise_hu=0,
    tumours=0,
    surroundings=False,
)


def small(image: PhantomImageSettings) -> PhantomSettings:
    trees = TreeSettings(terminals=8, root_radius_mm=10.0)
    return PhantomSettings(size=(32, 32, 32), spacing_mm=(4.0, 4.0, 4.0), trees=trees, image=image)


def changed(**values) -> PhantomImageSettings:
    return PLAIN.model_copy(update=values)


def test_plain_image_has_one_value_a_tissue_and_their_mean_at_walls():
    settings = small(PLAIN)
    phantom = grow_phantom(settings, 0)
    shares = {
        name: rasterise(phantom.graph.tree(name), settings.size, settings.spacing_mm) for name in (PORTAL, HEPATIC)
    }
    inner = ndimage.binary_erosion(phantom.organ, iterations=2)

    free = inner & (shares[PORTAL] + shares[HEPATIC] == 0)
    only_portal = inner & (shares[HEPATIC] == 0)
    only_hepatic = inner & (shares[PORTAL] == 0)
    assert phantom.image[free] == pytest.approx(100)
    assert phantom.image[only_portal] == pytest.approx(100 + 60 * shares[PORTAL][only_portal], abs=1e-3)
    assert phantom.image[only_hepatic] == pytest.approx(100 + 40 * shares[HEPATIC][only_hepatic], abs=1e-3)
    assert (shares[PORTAL][inner] == 1).any()
    outer = ~ndimage.binary_dilation(phantom.organ, iterations=2)
    assert phantom.image[outer] == pytest.approx(-95)


def test_noise_is_added_with_the_standard_deviation_asked_for():
    noisy, plain = (grow_phantom(small(changed(noise_hu=value)), 0).image for value in (15.0, 0.0))
    assert (noisy - plain).std() == pytest.approx(15, rel=1e-3)
    assert (noisy - plain).mean() == pytest.approx(0, abs=0.5)


def test_livers_differ_from_phantom_to_phantom():
    means = []
    for seed in range(3):
        phantom = grow_phantom(small(changed(liver_spread_hu=20.0)), seed)
        free = ndimage.binary_erosion(phantom.organ, iterations=2) & ~ndimage.binary_dilation(phantom.vessels)
        means.append(float(np.median(phantom.image[free])))
    assert np.ptp(means) > 1


def test_tumours_are_darker_and_brighter_by_turns():
    with_tumours = changed(tumours=2, tumour_contrast_hu=(30.0, 30.0), tumour_radius_mm=(10.0, 10.0))
    diseased, healthy = (grow_phantom(small(image), 0) for image in (with_tumours, PLAIN))
    change = diseased.image - healthy.image

    inside = ndimage.binary_erosion(diseased.structures[TUMOURS])
    assert inside.any()
    assert np.isin(np.round(change[inside], 2), [-30, 30]).mean() > 0.9
    assert set(np.sign(np.round(change[inside]))) == {-1, 1}
    away = ~ndimage.binary_dilation(diseased.structures[TUMOURS] | diseased.vessels, iterations=2)
    assert not change[away].any()
    # 10 mm balls with waves on them, less what vessels take.
    assert diseased.structures[TUMOURS].sum() * 64 < 2 * 2.5 * 4 / 3 * np.pi * 1000
    assert not healthy.structures[TUMOURS].any()


def test_contrast_is_level_without_spread_and_drifts_with_it():
    _, graph = grow_vessels(small(PLAIN), 0)
    level = edge_contrasts(PLAIN, graph, 0)
    assert set(level[graph.trees == 0]) == {60.0}
    assert set(level[graph.trees == 1]) == {40.0}

    drifting = edge_contrasts(changed(contrast_spread=0.2), graph, 0)
    for tree in range(2):
        assert np.ptp(drifting[graph.trees == tree]) > 1
    assert edge_contrasts(changed(contrast_spread=0.2), graph, 0).tobytes() == drifting.tobytes()


def test_surroundings_hold_tissue_brighter_than_vessels_outside_the_organ():
    phantom = grow_phantom(small(changed(surroundings=True)), 0)
    outside = phantom.image[~ndimage.binary_dilation(phantom.organ, iterations=2)]
    assert (outside > 160).any()
    assert (outside < -500).any()
    plain = grow_phantom(small(PLAIN), 0)
    deep = ndimage.binary_erosion(phantom.organ, iterations=2)
    assert phantom.image[deep] == pytest.approx(plain.image[deep], abs=1e-3)


def test_plane_waves_are_the_cosines_they_stand_for():
    waves = draw_waves(7, 5.0, np.random.default_rng(0))
    size, spacing_mm, corner_mm = (4, 5, 6), (3.0, 1.0, 2.0), (10.0, -4.0, 0.0)
    places = np.moveaxis(np.indices(size) + 0.5, 0, -1) * spacing_mm + corner_mm

    expected = sum(height * np.cos(places @ wave + phase) for *wave, phase, height in waves.tolist())

    assert plane_waves(waves, size, spacing_mm, corner_mm) == pytest.approx(expected, abs=1e-5)
    flat = sum(h * np.cos(places[0, ..., 1:] @ [ky, kx] + phase) for _, ky, kx, phase, h in waves.tolist())
    assert plane_waves(waves, size[1:], spacing_mm[1:], corner_mm[1:]) == pytest.approx(flat, abs=1e-5)


def test_drawn_waves_have_the_correlation_of_their_name():
    # Over many draws, two points 5 mm apart correlate as exp(-1/2).
    rng = np.random.default_rng(0)
    values = np.array([plane_waves(draw_waves(20, 5.0, rng), (2, 1, 1), (5.0, 5.0, 5.0)).ravel() for _ in range(4000)])
    assert values.var() == pytest.approx(1, abs=0.05)
    assert np.mean(values[:, 0] * values[:, 1]) == pytest.approx(np.exp(-0.5), abs=0.05)


@pytest.mark.parametrize("size", [(24, 64, 63), (128, 96)])
def test_noise_has_the_spectrum_of_filtered_back_projection(size):
    spacing_mm = (1.0,) * len(size)
    noise = ct_noise(size, spacing_mm, 0.5, np.random.default_rng(0))
    assert noise.shape == size
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1, rel=1e-5)

    power = np.abs(np.fft.fftn(noise, axes=(-2, -1))) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in size[-2:]), indexing="ij"))
    # Power f exp(-(c f)^2) peaks at f = 1 / (c sqrt 2) = 0.225 for c = 2 pi 0.5 mm; it falls to both sides.
    bands = [
        power[..., (frequency > low) & (frequency < high)].mean() for low, high in ((0, 0.05), (0.2, 0.25), (0.45, 0.5))
    ]
    assert bands[1] > 2 * bands[0]
    assert bands[1] > 1.5 * bands[2]
    assert ct_noise(size, spacing_mm, 0.5, np.random.default_rng(0)).tobytes() == noise.tobytes()
