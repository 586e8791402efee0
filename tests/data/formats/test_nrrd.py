import gzip

import numpy as np
import pytest

from ramify.data.files import read_volume, stored_in

ARRAY = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
RAW = ARRAY.tobytes()
FIELDS = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "4 3 2",
    "space directions": "(0,-1,0) (2,0,0) (0,0,3)",
    "space origin": "(10,20,30)",
    "endian": "little",
    "encoding": "raw",
}


def write_nrrd(path, content=RAW, **changed):
    """An NRRD file line by line; `changed` fields replace the usual ones, None leaves one out."""
    fields = {**FIELDS, **{key.replace("_", " "): value for key, value in changed.items()}}
    lines = ["NRRD0004", *(f"{key}: {value}" for key, value in fields.items() if value is not None), "", ""]
    path.write_bytes("\n".join(lines).encode() + content)
    return path


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        (ARRAY.tobytes(), {}),
        (ARRAY.astype(">i2").tobytes(), {"endian": "big"}),
        (gzip.compress(ARRAY.tobytes()), {"encoding": "gzip"}),
        (" ".join(map(str, range(24))).encode(), {"encoding": "ascii"}),
        (ARRAY.astype("<f8").tobytes(), {"type": "double"}),
        (ARRAY.astype("u1").tobytes(), {"type": "uchar", "endian": None}),
        (ARRAY.tobytes(), {"dimension": "4", "sizes": "1 4 3 2", "space directions": "none (0,-1,0) (2,0,0) (0,0,3)"}),
    ],
    ids=["raw", "big-endian", "gzip", "ascii", "double", "byte", "a vector axis"],
)
def test_every_encoding_gives_the_same_volume(tmp_path, content, changed):
    volume = read_volume(write_nrrd(tmp_path / "a.nrrd", content, **changed))
    assert np.array_equal(volume.array, ARRAY)
    assert volume.spacing_mm == (3.0, 2.0, 1.0)
    assert volume.origin_mm == (30.0, 20.0, 10.0)
    assert volume.direction == ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("mm", 1), ("", 1), ("um", 1e-3), ("\N{MICRO SIGN}m", 1e-3), ("microns", 1e-3), ("Meters", 1e3)],
)
def test_other_lengths_become_millimetres(tmp_path, unit, factor):
    units = " ".join([f'"{unit}"'] * 3)
    along_axes = {"space": None, "space directions": None, "space origin": None, "spacings": "1 2 3", "units": units}
    for changed in ({"space units": units}, along_axes):
        volume = read_volume(write_nrrd(tmp_path / "a.nrrd", **changed))
        np.testing.assert_allclose(volume.spacing_mm, np.array([3, 2, 1]) * factor)
        if "space units" in changed:
            np.testing.assert_allclose(volume.origin_mm, np.array([30, 20, 10]) * factor)
        assert volume.notes == (() if factor == 1 else (f"its header gives lengths in {unit}: converted to mm",))
    volume = read_volume(write_nrrd(tmp_path / "a.nrrd", space_units='"mm" "mm" "parsec"'))
    assert volume.spacing_mm == (3, 2, 1)
    assert "'parsec', which is no unit that is known" in volume.notes[0]


@pytest.mark.parametrize(
    ("space", "origin"),
    [
        ("right-anterior-superior", (30.0, -20.0, -10.0)),
        ("LAS", (30.0, -20.0, 10.0)),
        ("left-posterior-superior", (30.0, 20.0, 10.0)),
    ],
)
def test_spaces_are_turned_to_one(tmp_path, space, origin):
    assert read_volume(write_nrrd(tmp_path / "a.nrrd", space=space)).origin_mm == origin


def test_without_a_space_there_are_spacings_and_starts(tmp_path):
    none = {"space": None, "space_directions": None, "space_origin": None}
    volume = read_volume(write_nrrd(tmp_path / "a.nrrd", spacings="1 2 3", **none))
    assert (volume.spacing_mm, volume.origin_mm) == ((3.0, 2.0, 1.0), (0.0, 0.0, 0.0))
    volume = read_volume(write_nrrd(tmp_path / "a.nrrd", spacings="1 2 3", axis_mins="4 5 6", **none))
    assert volume.origin_mm == (7.5, 6.0, 4.5)


def test_data_beside_its_header_and_nowhere_else(tmp_path):
    (tmp_path / "set").mkdir()
    for place in (tmp_path / "set" / "a.raw", tmp_path / "outside.raw"):
        place.write_bytes(ARRAY.tobytes())
    (tmp_path / "set" / "link.raw").symlink_to(tmp_path / "outside.raw")
    header = tmp_path / "set" / "a.nhdr"
    assert np.array_equal(read_volume(write_nrrd(header, b"", data_file="a.raw")).array, ARRAY)
    assert stored_in(header) == [header, tmp_path / "set" / "a.raw"]
    assert stored_in(write_nrrd(tmp_path / "b.nrrd")) == [tmp_path / "b.nrrd"]
    for outside in ("../outside.raw", str(tmp_path / "outside.raw"), "link.raw", "/etc/passwd"):
        with pytest.raises(ValueError, match=r"a\.nhdr: its data .* lies outside"):
            read_volume(write_nrrd(header, b"", data_file=outside))
    with pytest.raises(FileNotFoundError, match=r"a\.nhdr: its data 'b\.raw' is missing beside it"):
        read_volume(write_nrrd(header, b"", data_file="b.raw"))
    for several in ("LIST", "a%03d.raw 1 2 1"):
        with pytest.raises(ValueError, match="its data is in several files"):
            read_volume(write_nrrd(header, b"", data_file=several))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"encoding": "ascii"}, "numbers as text where its header announces 24"),
        ({"encoding": "gzip"}, "truncated or damaged"),
        ({"encoding": "jpeg"}, "raw, gzip, bzip2 or ascii for 'encoding'"),
        ({"sizes": "4 3"}, "3 entries for 'sizes'"),
        ({"sizes": "4 3 -2"}, "whole numbers > 0 for 'sizes'"),
        ({"sizes": "4 3 20"}, "truncated"),
        ({"sizes": "4000000 3000000 2000000"}, "unpacks to"),
        ({"dimension": "three"}, "whole number for 'dimension'"),
        ({"dimension": "-3"}, "for 'sizes'"),
        ({"type": "block"}, "type of numbers"),
        ({"endian": None}, "little or big for 'endian' .* got nothing"),
        ({"space": "scanner"}, "space of 3 axes"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,x)"}, "vectors of 3 numbers"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,0)"}, "spacing must be > 0"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,1,1)"}, "sheared"),
        ({"space_directions": "(1,0,0) (0,1,0) none"}, "space of 2 axes"),
        ({"byte_skip": "7"}, "skips lines or bytes"),
    ],
)
def test_what_a_header_may_not_say(tmp_path, changed, says):
    with pytest.raises(ValueError, match=rf"bad\.nrrd: .*{says}") as caught:
        read_volume(write_nrrd(tmp_path / "bad.nrrd", **changed))
    assert "\n" not in str(caught.value)
