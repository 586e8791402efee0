"""The table of `benchmarks.scale_meaning`: its shapes, its noise and its tree by hand, and rows of the command."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks import scale_meaning
from benchmarks.meaning_measures import without_side_vessels
from benchmarks.meaning_row import Row, spread, with_noise
from benchmarks.meaning_shapes import bent_vessel, trunk_with_side_vessels, tube_with_blob, tube_with_holes
from benchmarks.meaning_trees import in_true_scale, read_tree


def test_noise_changes_the_wall_alone():
    mask = np.zeros((12, 12, 12), dtype=bool)
    mask[3:9, 3:9, 3:9] = True
    wall = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
    assert np.array_equal(with_noise(mask, 0.0, 0), mask)
    assert np.array_equal(with_noise(mask, 1.0, 0), mask ^ wall)
    some = with_noise(mask, 0.3, 0) ^ mask
    assert not np.any(some & ~wall)
    assert 0.15 < some.sum() / wall.sum() < 0.45


def test_shapes_are_what_their_rows_call_them():
    trunk = trunk_with_side_vessels()
    for mask in (trunk, bent_vessel(), tube_with_blob(10)):
        assert ndimage.label(mask, np.ones((3, 3, 3)))[1] == 1
    # Five legs of 34 along an axis share their corners.
    assert bent_vessel().sum() == 4 * 4 * (4 * 34 - 3 * 4)
    assert tube_with_holes(0).sum() - tube_with_holes(10).sum() == 10
    assert ndimage.label(~tube_with_holes(10))[1] == 11
    assert tube_with_blob(10)[60, 20].sum() == 21


def test_spread_is_median_lowest_and_highest():
    assert spread([0.5, 0.1, 0.9]) == "0.50 (0.10 to 0.90)"


def test_a_tree_is_read_in_voxels(tmp_path):
    def position(x, y, z):
        numbers = "".join(f"<float>{value}</float>" for value in (x, y, z))
        return f'<attr name=" position"><tup>{numbers}</tup></attr>'

    edge = '<attr name=" flow"><float>8</float></attr><attr name=" radius"><float>0.1</float></attr>'
    path = tmp_path / "tree_structure.xml"
    path.write_text(
        f'<gxl><graph><node id="n0">{position(1, 2, 3)}</node><node id="n7">{position(4, 5, 6)}</node>'
        f'<edge id="e7" from="n0" to="n7">{edge}</edge></graph></gxl>'
    )
    graph = read_tree(path)
    assert graph.nodes_mm.tolist() == [[3.5, 2.5, 1.5], [6.5, 5.5, 4.5]]
    assert (graph.edges.tolist(), graph.radii_mm.tolist()) == ([[0, 1]], [pytest.approx(2.5)])


def test_rows_are_printed_by_name(capsys, monkeypatch):
    monkeypatch.delenv("RAMIFY_DATA", raising=False)
    scale_meaning.main(["--rows", "ties", "noise"])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| ties |")
    assert lines[2].endswith("| warned of | warned of |")
    assert "noise: left out, no real data here: set RAMIFY_DATA to its folder" in out + err


def test_data_are_those_that_the_variable_names(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("RAMIFY_DATA", str(tmp_path))
    monkeypatch.setitem(scale_meaning.ROWS, "folder", Row("the folder", "", lambda data: data.name))
    scale_meaning.main(["--rows", "folder"])
    assert f"| folder | the folder | {tmp_path.name} |  |" in capsys.readouterr().out


def test_an_unknown_row_is_refused_with_all_names():
    with pytest.raises(ValueError, match="no row is called hole; choose from noise, ") as refusal:
        scale_meaning.main(["--rows", "hole"])
    assert "\n" not in str(refusal.value)


def test_four_of_eight_side_vessels_are_left():
    whole, left = trunk_with_side_vessels(), without_side_vessels()
    assert not (left & ~whole).any()
    # Four pieces 2 x 2 wide, from beyond the trunk's wall to the tip 25 voxels farther.
    pieces, count = ndimage.label(whole & ~left)
    assert np.bincount(pieces.ravel())[1:].tolist() == [2 * 2 * 25] * 4
    assert count == 4


def test_small_vessels_of_vascusynth_are_found(real_data):
    if not (real_data / "vascusynth").is_dir():
        pytest.skip(f"no VascuSynth in {real_data}")
    small = float(in_true_scale(real_data, 1).split(";")[1].split("/")[0])
    assert small >= 0.6
