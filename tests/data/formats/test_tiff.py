import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from ramify.data.files import read_mask, read_volume

STACK = np.random.default_rng(0).integers(0, 4000, (5, 32, 48)).astype(np.uint16)
TYPES = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64)
LAYOUTS = {
    "strips": {"rowsperstrip": 5},
    "tiles": {"tile": (16, 16)},
    "zlib": {"compression": "zlib", "predictor": True},
    "lzw": {"compression": "lzw", "tile": (16, 32)},
    "bigtiff": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "plain pages": {"metadata": None},
    "ome": {"ome": True, "metadata": {"axes": "ZYX"}, "tile": (16, 16)},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_come_back_as_written(tmp_path, layout, dtype):
    if layout == "imagej":  # which knows few types
        dtype = {1: np.uint8, 2: np.uint16}.get(np.dtype(dtype).itemsize, np.float32)
    array = (STACK % 100).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", **LAYOUTS[layout])
    volume = read_volume(tmp_path / "a.tif")
    assert np.array_equal(volume.array, array)
    assert volume.array.dtype == dtype
    assert volume.spacing_mm == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("layout", ["strips", "tiles", "bigtiff", "plain pages"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_masks_of_one_bit(tmp_path, layout, ndim):
    mask = (STACK if ndim == 3 else STACK[0]) > 2000
    tifffile.imwrite(tmp_path / "a.tif", mask, photometric="minisblack", **LAYOUTS[layout])
    assert np.array_equal(read_mask(tmp_path / "a.tif").array, mask)


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_what_other_programs_pack(tmp_path, compression):
    mask = STACK[0] > 2000
    Image.fromarray(mask).save(tmp_path / "a.tif", compression=compression)
    assert np.array_equal(read_mask(tmp_path / "a.tif").array, mask)


def test_a_colour_is_chosen_wherever_it_lies(tmp_path):
    colours = np.stack([STACK[0], STACK[1], STACK[2]])
    for name, array, settings in (
        ("last", np.moveaxis(colours, 0, -1), {"photometric": "rgb"}),
        ("first", colours, {"photometric": "rgb", "planarconfig": "separate"}),
        ("channels", colours, {"photometric": "minisblack", "imagej": True, "metadata": {"axes": "CYX"}}),
        ("ome", colours, {"photometric": "minisblack", "ome": True, "metadata": {"axes": "CYX"}}),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", array, **settings)
        assert np.array_equal(read_volume(tmp_path / f"{name}.tif", channel="green").array, STACK[1]), name
        with pytest.raises(ValueError, match=r"3 channels that differ .* --channels"):
            read_volume(tmp_path / f"{name}.tif")


@pytest.mark.parametrize("settings", [{"ome": True}, {"imagej": True}, {"ome": True, "tile": (16, 16)}])
def test_slices_that_were_called_channels_are_slices(tmp_path, settings):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", **settings)  # no axes are named
    volume = read_volume(path)
    assert np.array_equal(volume.array, STACK)
    assert "taken for slices" in volume.notes[0]
    assert np.array_equal(read_volume(path, channel="3").array, STACK[3])
    named = {"axes": "CYX", "Channel": {"Name": list("abcde")}}
    tifffile.imwrite(path, STACK, photometric="minisblack", ome=True, metadata=named)
    with pytest.raises(ValueError, match="5 channels that differ"):
        read_volume(path)


def test_time_points_and_several_images_are_refused_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "time.tif", STACK, imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(ValueError, match=r"time\.tif: axes T 5, Y 32, X 48 where one plane or one stack"):
        read_volume(tmp_path / "time.tif")
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        tiff.write(STACK[0], metadata=None)
        tiff.write(STACK[0][:16, :16], metadata=None)
    with pytest.raises(ValueError, match=r"two\.tif: 2 images in one file"):
        read_volume(tmp_path / "two.tif")
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as tiff:
        tiff.write(STACK[0], subifds=1)
        tiff.write(STACK[0][::2, ::2], subfiletype=1)
    with pytest.raises(ValueError, match=r"pyramid\.tif: a pyramid of 2 resolutions"):
        read_volume(tmp_path / "pyramid.tif")


def test_inverted_greys_are_turned_back_and_such_masks_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK, photometric="miniswhite")
    volume = read_volume(tmp_path / "a.tif")
    assert np.array_equal(volume.array, 65535 - STACK)
    assert volume.notes == ("its photometric tag says that 0 is white: values inverted",)
    with pytest.raises(ValueError, match="0 is inside or outside"):
        read_mask(tmp_path / "a.tif")


def test_real_sizes_of_microscopes_are_told_and_not_used(tmp_path):
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata=metadata)
    volume = read_volume(tmp_path / "a.ome.tif")
    assert volume.spacing_mm == (1.0, 1.0, 1.0)
    assert "physical size, which is not used" in volume.notes[0]
    tifffile.imwrite(
        tmp_path / "b.tif", STACK, imagej=True, resolution=(5, 5), metadata={"axes": "ZYX", "spacing": 2, "unit": "um"}
    )
    assert "spacing, which is not used" in read_volume(tmp_path / "b.tif").notes[0]


def test_a_chain_of_pages_that_loops_ends(tmp_path):
    path = tmp_path / "loop.tif"
    tifffile.imwrite(path, STACK[:2, :4, :4], metadata=None, photometric="minisblack")
    content = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", content, 4)[0]
    entries = struct.unpack_from("<H", content, first)[0]
    second = struct.unpack_from("<I", content, first + 2 + 12 * entries)[0]
    entries = struct.unpack_from("<H", content, second)[0]
    struct.pack_into("<I", content, second + 2 + 12 * entries, first)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"loop\.tif: damaged: its chain of pages never ends"):
        read_volume(path)


@pytest.mark.parametrize("layout", ["strips", "tiles", "zlib", "lzw", "imagej", "plain pages"])
def test_what_is_cut_off_is_refused(tmp_path, layout):
    plane, settings = STACK[0], {**LAYOUTS[layout], "metadata": None}
    tifffile.imwrite(tmp_path / "whole.tif", plane, photometric="minisblack", **settings)  # its numbers come last
    content = (tmp_path / "whole.tif").read_bytes()
    for kept in (len(content) - 1, len(content) - 200, len(content) // 2, 9):
        (tmp_path / "short.tif").write_bytes(content[:kept])
        with pytest.raises(ValueError, match=r"short\.tif: (truncated|damaged)"):
            read_volume(tmp_path / "short.tif")


def test_a_picture_called_by_another_forms_name_is_read_as_what_it_is(tmp_path):
    plane = STACK[0].astype(np.uint8)
    Image.fromarray(plane).save(tmp_path / "a.tif")
    (tmp_path / "a.tif").rename(tmp_path / "a.png")
    Image.fromarray(plane).save(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "b.tif")
    for name in ("a.png", "b.tif"):
        assert np.array_equal(read_volume(tmp_path / name).array, plane)


def test_an_unknown_compression_is_refused_by_name(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], photometric="minisblack", compression="zlib")
    content = bytearray(path.read_bytes())
    entry = content.index(struct.pack("<HHI", 259, 3, 1))
    struct.pack_into("<H", content, entry + 8, 47)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tif: damaged or not .*47"):
        read_volume(path)
