import numpy as np
import pytest
import trimesh

from ramify.data.volume import Volume
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.stored import as_stored
from ramify.report.exports import export_case
from ramify.report.settings import EXPORT_FORMS, ExportSettings
from tests.report.drawn_cases import SPACING, analysed, fork, fork_2d, oblique, without_left_arm


def test_a_case_gets_its_files(tmp_path):
    truth = fork()
    written = export_case(tmp_path, "case 1", analysed(without_left_arm(truth)), analysed(truth), oblique(truth))
    names = {path.name for path in written}
    surfaces = {f"{name}.{form}" for name in ("truth", "prediction", "missed") for form in ("stl", "ply")}
    lines = {f"{name}_centreline.{form}" for name in ("truth", "prediction") for form in ("vtp", "swc", "graphml")}
    assert names == surfaces | lines | {"surfaces.glb"}
    assert {path.parent for path in written} == {tmp_path / "case 1"}
    assert sorted(path.name for path in (tmp_path / "case 1").iterdir()) == sorted(names)
    scene = trimesh.load(tmp_path / "case 1" / "surfaces.glb")
    assert set(scene.geometry) == {"truth", "prediction", "missed"}


def test_what_is_missed_lies_where_the_volume_says(tmp_path):
    truth, place = fork(), oblique(fork())
    settings = ExportSettings(coordinates="ras", forms=("stl",))
    export_case(tmp_path, "a", analysed(without_left_arm(truth)), analysed(truth), place, settings)
    assert {path.suffix for path in (tmp_path / "a").iterdir()} == {".stl"}
    missed = trimesh.load(tmp_path / "a" / "missed.stl")
    matrix, offset = place.affine()
    indices = ((missed.vertices * [-1, -1, 1])[:, ::-1] - offset) @ np.linalg.inv(matrix).T
    # The arm from x = 2 on, in z 5 to 7 and y 26 to 28, each face half a voxel further out.
    np.testing.assert_allclose(indices.min(axis=0), [4.5, 25.5, 1.5], atol=1e-4)
    np.testing.assert_allclose(indices.max(axis=0)[:2], [7.5, 28.5], atol=1e-4)
    assert indices[:, 2].max() < 11


def test_points_of_the_wall_have_their_branches_however_the_mask_is_stored(tmp_path):
    """What is missed tells which of the truth's branches: the arm that was cut off."""
    truth = np.ascontiguousarray(fork().transpose(2, 0, 1)[::-1])
    found = np.ascontiguousarray(without_left_arm(fork()).transpose(2, 0, 1)[::-1])
    target = analyse_target(truth, SPACING)
    prediction = analyse_prediction(found, target)
    place = Volume(truth, SPACING)
    export_case(tmp_path, "a", prediction, target, place, ExportSettings(forms=("ply",)))
    told = {}
    for name in ("truth", "missed", "prediction"):
        read = trimesh.load(tmp_path / "a" / f"{name}.ply", process=False)
        told[name] = np.ravel(read.metadata["_ply_raw"]["vertex"]["data"]["branch"])
    own, numbers = (mask.decomposition.branches for mask in as_stored(prediction, target))
    assert set(told["truth"]) == set(np.unique(numbers)) - {0} == {1, 2, 3}
    # It ends last along the first axis, which was turned round, before the margin of the box.
    assert set(told["missed"]) == {numbers[-2].max()}
    assert set(told["prediction"]) == set(np.unique(own)) - {0}


def test_what_is_empty_has_no_file(tmp_path):
    truth = fork()
    nothing = analysed(np.zeros_like(truth))
    names = {path.name for path in export_case(tmp_path, "a", nothing, analysed(truth), oblique(truth))}
    assert {"truth.stl", "missed.stl", "truth_centreline.vtp", "surfaces.glb"} < names
    assert not [name for name in names if name.startswith(("prediction", "extra"))]
    assert export_case(tmp_path, "b", nothing, nothing, oblique(truth)) == []
    assert not (tmp_path / "b").exists()


def test_what_is_empty_by_now_leaves_no_older_file(tmp_path):
    truth = fork()
    export_case(tmp_path, "a", analysed(without_left_arm(truth)), analysed(truth), oblique(truth))
    (tmp_path / "a" / "notes.txt").touch()
    (written,) = export_case(
        tmp_path, "a", analysed(np.zeros_like(truth)), analysed(truth), oblique(truth), ExportSettings(forms=("vtp",))
    )
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert written.name == "truth_centreline.vtp"
    assert "prediction_centreline.vtp" not in names
    assert {"truth_centreline.vtp", "prediction.stl", "notes.txt"} < names, "other forms were not asked for"
    written = export_case(tmp_path, "a", analysed(truth), analysed(truth), oblique(truth))
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {path.name for path in written} | {"notes.txt"}, "nothing is missed any more"


def test_an_image_has_centrelines_alone(tmp_path):
    plane = fork_2d()
    pair = analysed(plane, (1.0, 1.0)), analysed(plane, (1.0, 1.0))
    written = export_case(tmp_path, "a", *pair, Volume(plane, (1.0, 1.0)))
    assert len(written) == 6
    assert all("_centreline." in path.name for path in written)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../a", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    truth = fork()
    with pytest.raises(ValueError, match="cannot be that of a folder"):
        export_case(tmp_path, name, analysed(truth), analysed(truth), oblique(truth))
    assert not list(tmp_path.iterdir())


def test_the_same_bytes_twice(tmp_path):
    truth = fork()
    for folder in ("one", "two"):
        export_case(tmp_path / folder, "a", analysed(without_left_arm(truth)), analysed(truth), oblique(truth))
    for path in (tmp_path / "one" / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / "a" / path.name).read_bytes()
    assert EXPORT_FORMS == ("stl", "ply", "glb", "vtp", "swc", "graphml")
