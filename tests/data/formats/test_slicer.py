import gzip

import numpy as np
import pytest

from ramify.data.files import read_label_map, read_mask
from ramify.data.formats.slicer import read_segment, segments

LABELS = np.zeros((4, 5, 6), np.uint8)
LABELS[1], LABELS[2, 1:3] = 1, 2


def write_segmentation(path, array, described, layered=False):
    """A segmentation as 3D Slicer writes it: described is [(name, {key: value})]."""
    sizes = " ".join(map(str, array.shape[::-1]))
    directions = "(-0.5,0,0) (0,-0.75,0) (0,0,2)"
    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "type: unsigned char",
        f"dimension: {array.ndim}",
        "space: right-anterior-superior",
        f"sizes: {sizes}",
        f"space directions: {'none ' * layered}{directions}",
        f"kinds: {'list ' * layered}domain domain domain",
        "encoding: gzip",
        "space origin: (-10,-20,30)",
    ]
    for number, (name, keys) in enumerate(described):
        lines += [
            f"Segment{number}_{key}:={value}" for key, value in {"Name": name, "ID": f"s{number}", **keys}.items()
        ]
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + gzip.compress(array.tobytes()))
    return path


def test_one_segment_is_a_mask_whatever_its_value(tmp_path):
    path = write_segmentation(
        tmp_path / "a.seg.nrrd", LABELS // 2 * 2, [("Portal vein", {"LabelValue": 2, "Layer": 0})]
    )
    volume = read_mask(path)
    assert np.array_equal(volume.array, LABELS == 2)
    assert volume.spacing_mm == (2.0, 0.75, 0.5)
    assert volume.origin_mm == (30.0, 20.0, 10.0)  # LPS
    assert np.array_equal(volume.direction, np.eye(3))


def test_several_segments_are_asked_for_by_name(tmp_path):
    described = [("Liver", {"LabelValue": 1, "Layer": 0}), ("Portal vein", {"LabelValue": 2, "Layer": 0})]
    path = write_segmentation(tmp_path / "a.seg.nrrd", LABELS, described)
    assert [segment.name for segment in segments(path)] == ["Liver", "Portal vein"]
    assert np.array_equal(read_segment(path, ["portal VEIN"]).array, LABELS == 2)
    assert np.array_equal(read_segment(path, ["Liver", "Portal vein"]).array, LABELS > 0)
    assert np.array_equal(read_label_map(path).array, LABELS)
    with pytest.raises(ValueError, match=r"a\.seg\.nrrd: 2 segments \(Liver, Portal vein\) where one mask"):
        read_mask(path)
    with pytest.raises(ValueError, match="no segment called 'artery'; it has Liver, Portal vein"):
        read_segment(path, ["artery"])


@pytest.mark.parametrize("stated", [True, False], ids=["new", "before 2020"])
def test_segments_that_overlap_lie_in_layers(tmp_path, stated):
    layers = np.stack([LABELS > 0, LABELS == 2], axis=-1).astype(np.uint8)
    described = [
        (name, {"LabelValue": 1, "Layer": layer} if stated else {}) for layer, name in enumerate(["Liver", "Tumour"])
    ]
    path = write_segmentation(tmp_path / "a.seg.nrrd", layers, described, layered=True)
    assert np.array_equal(read_segment(path, ["Liver"]).array, LABELS > 0)
    assert np.array_equal(read_segment(path, ["Tumour"]).array, LABELS == 2)
    assert read_segment(path, ["Tumour"]).spacing_mm == (2.0, 0.75, 0.5)
    with pytest.raises(ValueError, match="2 segments"):
        read_mask(path)
    with pytest.raises(ValueError, match="2 channels where one mask"):
        read_label_map(path)


def test_what_is_damaged_or_ambiguous_is_refused(tmp_path):
    twice = write_segmentation(
        tmp_path / "twice.seg.nrrd", LABELS, [("a", {"LabelValue": 1}), ("A", {"LabelValue": 2})]
    )
    with pytest.raises(ValueError, match="2 segments called 'a'"):
        read_segment(twice, ["a"])
    broken = write_segmentation(tmp_path / "broken.seg.nrrd", LABELS, [("a", {"LabelValue": "x"})])
    with pytest.raises(ValueError, match="no whole number"):
        read_segment(broken, ["a"])
    far = write_segmentation(tmp_path / "far.seg.nrrd", LABELS, [("a", {"Layer": 3})])
    with pytest.raises(ValueError, match="layer 3, which is not there"):
        read_segment(far)
    plain = write_segmentation(tmp_path / "plain.nrrd", LABELS // 2, [])
    assert segments(plain) == []
    assert np.array_equal(read_mask(plain).array, LABELS == 2)
    with pytest.raises(ValueError, match="names no segment"):
        read_segment(plain)
