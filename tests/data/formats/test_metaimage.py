import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from ramify.data.files import read_volume, stored_in

ARRAY = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
RAW = ARRAY.tobytes()
FIELDS = {
    "ObjectType": "Image",
    "NDims": "3",
    "DimSize": "4 3 2",
    "ElementType": "MET_SHORT",
    "ElementSpacing": "1 2 3",
    "Offset": "10 20 30",
    "TransformMatrix": "0 -1 0 1 0 0 0 0 1",
}


def write_metaimage(path, content=RAW, data="LOCAL", **changed):
    """A MetaImage line by line; `changed` fields replace the usual ones, None leaves one out."""
    fields = {**FIELDS, **changed, "ElementDataFile": data}
    lines = [f"{key} = {value}" for key, value in fields.items() if value is not None]
    path.write_bytes("\n".join([*lines, ""]).encode() + content)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "i8", "u8"])
def test_numbers_and_place_are_those_another_library_wrote(tmp_path, suffix, packed, dtype):
    noise = np.random.default_rng(0)
    turned, _ = np.linalg.qr(noise.normal(size=(3, 3)))
    image = sitk.GetImageFromArray(noise.integers(0, 100, ARRAY.shape).astype(dtype))
    image.SetSpacing((0.7, 1.25, 3.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(turned.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"), packed)
    volume = read_volume(tmp_path / f"a{suffix}")
    assert np.array_equal(volume.array, sitk.GetArrayFromImage(image))
    assert volume.array.dtype == dtype
    for corner in ((0, 0, 0), (1, 0, 0), (0, 2, 0), (1, 2, 3)):
        theirs = image.TransformIndexToPhysicalPoint(corner[::-1])[::-1]
        np.testing.assert_allclose(volume.world_mm([corner])[0], theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        (ARRAY.tobytes(), {}),
        (ARRAY.astype(">i2").tobytes(), {"BinaryDataByteOrderMSB": "True"}),
        (ARRAY.astype(">i2").tobytes(), {"ElementByteOrderMSB": "True"}),
        (zlib.compress(ARRAY.tobytes()), {"CompressedData": "True"}),
        (" ".join(map(str, range(24))).encode(), {"BinaryData": "False"}),
        (ARRAY.tobytes(), {"ElementSpacing": None, "ElementSize": "1 2 3"}),
        (ARRAY.tobytes(), {"Offset": None, "Origin": "10 20 30"}),
    ],
)
def test_every_form_gives_the_same_volume(tmp_path, content, changed):
    volume = read_volume(write_metaimage(tmp_path / "a.mha", content, **changed))
    assert np.array_equal(volume.array, ARRAY)
    assert (volume.spacing_mm, volume.origin_mm) == ((3.0, 2.0, 1.0), (30.0, 20.0, 10.0))
    assert volume.direction == ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))


def test_data_beside_its_header_and_nowhere_else(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "outside.raw").write_bytes(ARRAY.tobytes())
    (tmp_path / "set" / "a.raw").write_bytes(b"head" + ARRAY.tobytes())
    header = tmp_path / "set" / "a.mhd"
    for skip in ("4", "-1"):
        volume = read_volume(write_metaimage(header, b"", "a.raw", HeaderSize=skip))
        assert np.array_equal(volume.array, ARRAY)
    assert stored_in(header) == [header, tmp_path / "set" / "a.raw"]
    assert stored_in(write_metaimage(tmp_path / "b.mha")) == [tmp_path / "b.mha"]
    with pytest.raises(ValueError, match=r"a\.mhd: its data '\.\./outside\.raw' lies outside"):
        read_volume(write_metaimage(header, b"", "../outside.raw"))
    with pytest.raises(FileNotFoundError, match=r"a\.mhd: its data 'b\.raw' is missing beside it"):
        read_volume(write_metaimage(header, b"", "b.raw"))
    with pytest.raises(ValueError, match="several files"):
        read_volume(write_metaimage(header, b"", "LIST"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"NDims": "-3"}, "DimSize"),
        ({"NDims": "x"}, "a whole number for NDims"),
        ({"NDims": None}, "a whole number for NDims"),
        ({"DimSize": "4 3"}, "3 whole numbers > 0 for DimSize"),
        ({"DimSize": "4 3 0"}, "3 whole numbers > 0 for DimSize"),
        ({"DimSize": "4 3 2000"}, "truncated"),
        ({"DimSize": "400000 3000000 2000000"}, "unpacks to"),
        ({"NDims": "5", "DimSize": "4 3 1 2 1"}, "numbers for ElementSpacing"),
        ({"ElementType": "MET_OTHER"}, "a type of numbers"),
        ({"ElementNumberOfChannels": "3"}, "truncated"),
        ({"ElementNumberOfChannels": "0"}, "ElementNumberOfChannels"),
        ({"ElementSpacing": "1 2 0"}, "spacing must be > 0"),
        ({"ElementSpacing": "1 nan 2"}, "3 numbers for ElementSpacing"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 1 1"}, "sheared"),
        ({"TransformMatrix": "0 0 0 0 1 0 0 0 1"}, "axes in space"),
        ({"CompressedData": "True"}, "truncated or damaged"),
        ({"CompressedData": "maybe"}, "True or False"),
        ({"BinaryData": "False"}, "numbers as text where its header announces 24"),
        ({"ObjectType": "Mesh"}, "holds a Mesh"),
        ({"HeaderSize": "-1"}, "HeaderSize"),
    ],
)
def test_what_a_header_may_not_say(tmp_path, changed, says):
    with pytest.raises(ValueError, match=rf"bad\.mha: .*{says}") as caught:
        read_volume(write_metaimage(tmp_path / "bad.mha", **changed))
    assert "\n" not in str(caught.value)
