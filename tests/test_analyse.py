"""analyse.py as its user calls it."""

import csv
import json
import re
from pathlib import Path

import networkx
import numpy as np
import pytest
import trimesh
from PIL import Image

from ramify import analyse
from ramify.analysis import analyse as analyse_mask
from ramify.console.error_line import line_of
from ramify.data.files import read_label_map, write_volume
from ramify.data.volume import Volume
from tests.analysis.drawn_trees import forks

PAGE = Path(__file__).parents[1] / "docs" / "analysis.md"
FILES = ("masks", "groups", "out", "pages/page")
UNIT = (1.0, 1.0, 1.0)
# The first voxel lies somewhere.
ORIGIN = (-40.0, 12.0, -7.5)


def write(path: Path, mask: np.ndarray) -> Path:
    write_volume(path, Volume(mask.astype(np.uint8), UNIT, ORIGIN))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def analysed(tmp_path_factory) -> Path:
    """The folder of a case with everything."""
    place = tmp_path_factory.mktemp("analysed")
    mask = write(place / "case.nii.gz", forks())
    organ = np.zeros(forks().shape)
    organ[2:-2, 2:-2, 2:] = 1
    words = ["--input", mask, "--organ", write(place / "organ.nii.gz", organ), "--output", place / "out"]
    assert analyse.main([*map(str, words)]) == 0
    return place / "out" / "case"


def test_tables(analysed):
    branches, nodes = rows_of(analysed / "branches.csv"), rows_of(analysed / "nodes.csv")
    assert len(branches) == 5
    assert len(nodes) == 6
    assert [row["kind"] for row in nodes].count("junction") == 2
    assert rows_of(analysed / "cycles.csv") == []
    (summary,) = rows_of(analysed.parent / "summary.csv")
    assert (summary["case"], summary["branches"], summary["largest_strahler_order"]) == ("case", "5", "2")
    plain = json.loads((analysed / "summary.json").read_text(encoding="utf-8"))
    assert plain["by_strahler_order"]["1"]["branches"] == 3
    assert float(summary["length_mm"]) == plain["length_mm"] == sum(float(row["length_mm"]) for row in branches)
    territories = rows_of(analysed / "territories.csv")
    assert sum(float(row["volume_ml"]) for row in territories) == pytest.approx(plain["organ_ml"])


def test_label_maps_lie_on_the_masks_grid_and_have_colours(analysed):
    mask = read_label_map(analysed.parents[1] / "case.nii.gz")
    for name in ("scales", "branches", "orders", "generations", "territories"):
        labels = read_label_map(analysed / f"{name}.nii.gz")
        assert labels.describe_geometry() == mask.describe_geometry()
        if name != "territories":
            assert ((labels.array > 0) == (mask.array > 0)).all()
        lines = (analysed / f"{name}.ctbl").read_text(encoding="utf-8").splitlines()
        values = [int(line.split()[0]) for line in lines[1:]]
        assert values == list(range(len(values)))
        assert set(np.unique(labels.array)) <= set(values)
        assert all(len(line.split()) == 6 for line in lines[1:])
    branches = read_label_map(analysed / "branches.nii.gz").array
    volume = {int(row["branch"]): float(row["volume_mm3"]) for row in rows_of(analysed / "branches.csv")}
    assert {int(number): float((branches == number).sum()) for number in np.unique(branches[branches > 0])} == volume


def test_graphs_are_read_by_networkx(analysed):
    content = json.loads((analysed / "graph.json").read_text(encoding="utf-8"))
    graph = networkx.node_link_graph(content, edges="edges")
    assert networkx.is_arborescence(graph)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (6, 5)
    undirected = networkx.read_graphml(analysed / "centrelines.graphml")
    orders = sorted(networkx.get_edge_attributes(undirected, "StrahlerOrder").values())
    assert orders == [1, 1, 1, 2, 2]


def test_swc_hangs_on_the_root(analysed):
    lines = (analysed / "centrelines.swc").read_text(encoding="utf-8").splitlines()
    points = [line.split() for line in lines if not line.startswith("#")]
    roots = [line for line in points if line[-1] == "-1"]
    (root,) = [row for row in rows_of(analysed / "nodes.csv") if row["kind"] == "root"]
    assert [float(value) for value in roots[0][2:5]] == pytest.approx([float(root[f"{axis}_mm"]) for axis in "xyz"])
    assert len(roots) == 1
    assert "# loops cut: 0" in lines


def test_vtp_has_the_orders(analysed):
    text = (analysed / "centrelines.vtp").read_text(encoding="utf-8")
    assert all(f'Name="{name}"' in text for name in ("Tree", "Parent", "Generation", "StrahlerOrder"))


def test_centrelines_are_read_by_vtk(analysed):
    xml = pytest.importorskip("vtkmodules.vtkIOXML", reason="vtk is not installed")
    reader = xml.vtkXMLPolyDataReader()
    reader.SetFileName(str(analysed / "centrelines.vtp"))
    reader.Update()
    lines = reader.GetOutput()
    rows = rows_of(analysed / "branches.csv")
    assert lines.GetNumberOfLines() == len(rows)
    orders = lines.GetCellData().GetArray("StrahlerOrder")
    read = sorted(orders.GetTuple1(line) for line in range(orders.GetNumberOfTuples()))
    assert read == sorted(float(row["strahler_order"]) for row in rows)


def test_tables_are_read_by_pandas(analysed):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    branches, nodes = (pandas.read_csv(analysed / f"{name}.csv") for name in ("branches", "nodes"))
    assert (branches["volume_mm3"] > 0).all()
    assert set(branches["start_node"]) | set(branches["end_node"]) == set(nodes["node"])
    tree = analyse_mask(forks(), UNIT)
    assert tree.branches["length_mm"].tolist() == pytest.approx(branches["length_mm"].tolist())
    assert tree.nodes["kind"].value_counts()["junction"] == 2


def test_every_column_is_explained(analysed):
    """docs/analysis.md has a row for every column of the tables and every value of the summary."""
    first_cells = [line.split(" | ")[0] for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    explained = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    for table in ("branches", "nodes", "territories"):
        (columns, *_) = csv.reader((analysed / f"{table}.csv").read_text(encoding="utf-8").splitlines())
        assert set(columns) <= explained, table
    assert set(json.loads((analysed / "summary.json").read_text(encoding="utf-8"))) <= explained
    (columns, *_) = csv.reader((analysed.parent / "summary.csv").read_text(encoding="utf-8").splitlines())
    of_groups = re.compile(r"(generation|strahler_order|scale)_\d+_(branches|length_mm|mean_radius_mm)")
    letters = re.compile(r"radius_(lower|upper)_\d+th_mm")
    assert {name for name in columns if not of_groups.fullmatch(name) and not letters.fullmatch(name)} <= explained


def test_surfaces_are_read_by_trimesh(analysed):
    wall = trimesh.load(analysed / "vessels.stl")
    volume = sum(float(row["volume_mm3"]) for row in rows_of(analysed / "branches.csv"))
    assert abs(wall.volume) == pytest.approx(volume, rel=0.1)
    assert set(trimesh.load(analysed / "vessels.glb").geometry) == {"scale 1", "scale 2", "scale 3"}


def test_a_folder_goes_on_after_a_bad_case(tmp_path, capsys):
    masks = tmp_path / "masks"
    write(masks / "a_vessel.nii.gz", forks())
    write(masks / "a_liver.nii.gz", np.ones(forks().shape))
    write(masks / "b_vessel.nii.gz", np.zeros((4, 4, 4)))
    words = ["--input", str(masks), "--output", str(tmp_path / "out"), "--forms", "swc"]
    assert analyse.main(words) == 1
    told = capsys.readouterr()
    assert "b: " in told.err
    assert "the mask is empty; leave this case out" in told.err
    assert "1 of 2 cases analysed" in told.out
    assert [row["case"] for row in rows_of(tmp_path / "out" / "summary.csv")] == ["a"]
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == [
        *("branches.csv", "centrelines.swc", "cycles.csv", "nodes.csv", "summary.json")
    ]
    record = json.loads((tmp_path / "out" / "analysis.json").read_text(encoding="utf-8"))
    assert list(record["failed"]) == ["b"]


def call(place: Path, *words: str) -> int:
    return analyse.main(["--input", str(place / "masks"), "--output", str(place / "out"), *words])


def test_a_case_takes_the_place_of_all_that_an_earlier_run_left_of_it(tmp_path, capsys):
    write(tmp_path / "masks" / "a.nii.gz", forks())
    assert call(tmp_path) == 0
    (tmp_path / "out" / "a" / "mine.txt").write_text("kept")
    assert call(tmp_path, "--forms", "swc") == 0
    left = sorted(path.name for path in (tmp_path / "out" / "a").iterdir())
    assert left == ["branches.csv", "centrelines.swc", "cycles.csv", "mine.txt", "nodes.csv", "summary.json"]
    # Classes have folders of their own, which one mask has not.
    assert call(tmp_path, "--forms", "swc", "--classes", "all=1") == 0
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == ["all", "mine.txt"]
    assert call(tmp_path, "--forms", "swc") == 0
    assert not (tmp_path / "out" / "a" / "all").exists()
    assert "of earlier runs" not in capsys.readouterr().err


def test_cases_of_earlier_runs_are_told(tmp_path, capsys):
    for name in ("a", "b"):
        write(tmp_path / "masks" / f"{name}.nii.gz", forks())
    assert call(tmp_path, "--forms", "swc") == 0
    write(tmp_path / "masks" / "b.nii.gz", np.zeros((4, 4, 4)))
    capsys.readouterr()
    assert call(tmp_path, "--forms", "swc") == 1
    assert "note: not in summary.csv, of earlier runs: b\n" in capsys.readouterr().err


def test_what_is_interrupted_leaves_no_half_of_a_case(tmp_path, monkeypatch):
    write(tmp_path / "masks" / "a.nii.gz", forks())

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ramify.analysis.tree_files.write_volume", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(tmp_path)
    assert not [*(tmp_path / "out").glob("a/*")]


def test_what_cannot_be_shown_costs_no_figures(tmp_path, monkeypatch, capsys):
    write(tmp_path / "masks" / "a.nii.gz", forks())

    def broken(*_: object) -> None:
        raise ValueError("no triangles")

    monkeypatch.setattr("ramify.analysis.cases.view_tree", broken)
    assert call(tmp_path, "--forms", "swc", "--report", str(tmp_path / "page.html")) == 0
    assert "warning: a: not shown on the page: no triangles" in capsys.readouterr().err
    assert (tmp_path / "out" / "a" / "summary.json").is_file()
    assert (tmp_path / "page.html").is_file()


def test_classes_are_trees_of_their_own(tmp_path):
    labels = forks().astype(np.uint8)
    labels[:, :, 30:] *= 2
    path = write(tmp_path / "case.nii.gz", labels)
    words = ["--input", str(path), "--classes", "near=1", "far=2", "--output", str(tmp_path / "out"), "--forms", "json"]
    assert analyse.main(words) == 0
    assert [row["class"] for row in rows_of(tmp_path / "out" / "summary.csv")] == ["near", "far"]
    for name, value in (("near", 1), ("far", 2)):
        rows = rows_of(tmp_path / "out" / "case" / name / "branches.csv")
        assert sum(float(row["volume_mm3"]) for row in rows) == (labels == value).sum()


def test_a_pattern_and_a_picture(tmp_path, capsys):
    mask = np.zeros((40, 40), np.uint8)
    mask[18:22, 4:36] = 255
    for name in ("one_v.png", "one_other.png"):
        Image.fromarray(mask).save(tmp_path / name)
    words = ["--input", str(tmp_path / "*_v.png"), "--input-suffix", "_v", "--output", str(tmp_path / "out")]
    page = tmp_path / "page.html"
    assert analyse.main([*words, "--report", str(page)]) == 0
    assert "carries no millimetres: a voxel counts as 1 mm" in capsys.readouterr().err
    assert "carries no millimetres: a voxel counts as 1 mm" in page.read_text(encoding="utf-8")
    assert analyse.main([*words, "--spacing-mm", "0.5", "0.5"]) == 0
    assert "carries no millimetres" not in capsys.readouterr().err
    (row,) = rows_of(tmp_path / "out" / "one" / "branches.csv")
    assert float(row["length_mm"]) == pytest.approx(16, rel=0.05)
    assert "area_mm2" in row


def test_a_page_and_groups_of_a_folder(tmp_path):
    for number, name in enumerate("abcd"):
        write(tmp_path / "masks" / f"{name}.nii.gz", forks()[:, :, 2 * number :])
    (tmp_path / "groups.csv").write_text("case,group\na,x\nb,x\nc,y\nd,y\n", encoding="utf-8")
    words = ["--input", "masks", "--groups", "groups.csv", "--output", "out", "--report", "pages/page.html"]
    words += ["--shown.cases", "3", "--shown.surfaces", "1", "--shown.triangles", "500", "--forms", "swc"]
    words = [str(tmp_path / word) if word.split(".")[0] in FILES else word for word in words]
    assert analyse.main(words) == 0
    page = (tmp_path / "pages" / "page.html").read_text(encoding="utf-8")
    assert page.count('<details class="card case"') == 3
    assert page.count("<canvas") == 1
    assert f"<title>{tmp_path.name}/masks: vascular trees</title>" in page
    assert f"<h1>Vascular trees: {tmp_path.name}/masks</h1>" in page
    assert 'href="../out/a/branches.csv"' in page
    assert "--shown.triangles 500" in page
    by_group, differences = (rows_of(tmp_path / "out" / name) for name in ("groups.csv", "group_differences.csv"))
    assert {(row["group"], row["n"]) for row in by_group if row["measure"] == "length_mm"} == {("x", "2"), ("y", "2")}
    lengths = {row["case"]: float(row["length_mm"]) for row in rows_of(tmp_path / "out" / "summary.csv")}
    (length,) = [row for row in differences if row["measure"] == "length_mm"]
    expected = (lengths["c"] + lengths["d"] - lengths["a"] - lengths["b"]) / 2
    assert float(length["difference"]) == pytest.approx(expected)
    # Without groups the same folder has no tables of them.
    assert analyse.main([*words[:2], *words[4:6], "--forms", "swc"]) == 0
    assert not (tmp_path / "out" / "groups.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--input", "nowhere"], "nowhere: no such file or folder"),
        (["--input", "masks", "--root", "1,2,3"], "is a place in one patient, not in 2"),
        (["--input", "masks", "--organ", "masks/a.nii.gz"], "one mask for 2 cases"),
        (["--input", "masks", "--cases", "c"], "no such case"),
        (["--input", "masks/*.mha"], "holds no vessel mask"),
        (["--input", "masks/a.nii.gz", "--classes", "a/b=1"], "'a/b': the name cannot be that of a folder"),
        (["--input", "masks", "--groups", "masks/a.nii.gz"], "cannot be read as CSV"),
        (["--input", "masks", "--groups", "groups.csv"], "no group for case b"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write(tmp_path / "masks" / f"{name}.nii.gz", forks()[:, :10, :10])
    (tmp_path / "groups.csv").write_text("case,group\na,x\n", encoding="utf-8")
    with pytest.raises((ValueError, OSError)) as error:
        analyse.main([*words, "--output", "out"])
    assert said in line_of(error.value)
    assert not (tmp_path / "out").exists()


def test_a_place_is_written_with_commas():
    with pytest.raises(ValueError, match=r"^--root: expected places .*, got '1,1,x'; such as 12\.5,-30,104$"):
        analyse.main(["--input", "a.nii.gz", "--output", "out", "--root", "1,1,x"])


def test_probabilities_are_no_mask(tmp_path, capsys):
    write_volume(tmp_path / "case.nii.gz", Volume(np.full((4, 4, 4), 0.5, np.float32), UNIT))
    assert analyse.main(["--input", str(tmp_path / "case.nii.gz"), "--output", str(tmp_path / "out")]) == 1
    assert "failed: case: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_vessels_of_the_organs_own_label_map_are_part_of_it(tmp_path, capsys):
    labels = np.where(forks() > 0, 2, 0)
    labels[2:-2, 2:-2, 2:][labels[2:-2, 2:-2, 2:] == 0] = 1
    write(tmp_path / "case.nii.gz", labels)
    words = ["--input", tmp_path / "case.nii.gz", "--input-labels", "2", "--organ-labels", "1", "--forms", "json"]
    organ_ml = []
    for organ in tmp_path / "case.nii.gz", write(tmp_path / "copy.nii.gz", labels):
        assert analyse.main([*map(str, [*words, "--organ", organ, "--output", tmp_path / organ.stem])]) == 0
        summary = json.loads((tmp_path / organ.stem / "case/summary.json").read_text(encoding="utf-8"))
        organ_ml.append(summary["organ_ml"])
    assert organ_ml == [np.count_nonzero(labels) / 1000, np.count_nonzero(labels == 1) / 1000]
    # Of another file nobody knows: it is told.
    assert capsys.readouterr().err.count("organ: label 2 of copy.nii.gz lies in it and is left out") == 1


def test_labels_that_are_not_there(tmp_path, capsys):
    for case in "ab":
        write(tmp_path / "masks" / f"{case}.nii.gz", np.where(forks() > 0, 2, 0))

    def called(*words):
        code = analyse.main([*map(str, ["--input", tmp_path / "masks", "--output", tmp_path / "out", *words])])
        return code, capsys.readouterr().err

    code, told = called("--input-labels", "3")
    assert code == 1
    assert "the mask is empty (a.nii.gz holds no vessels (label 3); it has 2)" in told
    code, told = called("--classes", "all=2", "other=3", "--forms", "json")
    assert code == 1
    assert "error: class other (label 3): no case has a voxel of it; is its label right?" in told
    (tmp_path / "masks/dataset.json").write_text('{"labels": {"background": 0, "Portal": 2}}', encoding="utf-8")
    code, told = called("--classes", "all=2", "other=3", "--forms", "json")
    assert code == 1
    assert "a.nii.gz: no label 3 (--classes); it has Portal = 2" in told
