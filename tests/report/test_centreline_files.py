"""GraphML is read back by networkx; VTP and SWC by the few lines that their formats take."""

import base64
import io
import struct
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest

from ramify.report.centreline_files import VMTK_RADIUS, to_graphml, to_swc, to_vtp
from ramify.report.centreline_network import CentrelineNetwork, trace_network
from tests.report.drawn_cases import analysed, fork, oblique


def network_of(mask: np.ndarray, space: str = "lps") -> CentrelineNetwork:
    return trace_network(analysed(mask), oblique(mask), space)  # type: ignore[arg-type]


def ring_on_a_stem() -> np.ndarray:
    """A ring, a stem that ends in it, and a voxel by itself."""
    mask = np.zeros((5, 24, 16), dtype=bool)
    mask[2, 4:14, 3:13] = True
    mask[2, 5:13, 4:12] = False
    mask[2, 14:20, 8] = True
    mask[2, 22, 2] = True
    return mask


def read_vtp(content: str) -> dict[str, np.ndarray]:
    """Arrays of a file by name, and what it says of itself."""
    root = ElementTree.fromstring(content)
    assert root.attrib["header_type"] == "UInt64"
    kinds = {"Float64": "<f8", "Int64": "<i8"}
    arrays = {}
    for parent in root.iter():
        for element in parent.findall("DataArray"):
            packed = base64.b64decode(element.text or "")
            (size,) = struct.unpack_from("<Q", packed)
            assert size == len(packed) - 8
            array = np.frombuffer(packed[8:], kinds[element.attrib["type"]])
            components = int(element.attrib.get("NumberOfComponents", 1))
            arrays[f"{parent.tag}/{element.attrib['Name']}"] = array.reshape(-1, 3) if components == 3 else array
        for element in parent.findall("Array"):
            codes = [int(code) for code in (element.text or "").split()]
            assert codes.pop() == 0
            arrays[element.attrib["Name"]] = np.array(bytes(codes).decode())
    arrays["counts"] = np.array([int(value) for key, value in root.find(".//Piece").attrib.items()])  # type: ignore[union-attr]
    return arrays


def read_swc(content: str) -> tuple[list[str], np.ndarray]:
    comments = [line for line in content.splitlines() if line.startswith("#")]
    return comments, np.atleast_2d(np.loadtxt(io.StringIO(content)))


@pytest.mark.parametrize("space", ["lps", "ras"])
def test_vtp_has_points_lines_and_radii(space):
    network = network_of(fork(), space)
    read = read_vtp(to_vtp(network))
    assert (str(read["SPACE"]), str(read["UNIT"])) == (space.upper(), "mm")
    np.testing.assert_array_equal(read["Points/Points"], network.points_mm)
    np.testing.assert_array_equal(read[f"PointData/{VMTK_RADIUS}"], network.radii_mm)
    np.testing.assert_array_equal(read["Lines/connectivity"], np.concatenate(network.lines))
    np.testing.assert_array_equal(read["Lines/offsets"], np.cumsum([len(line) for line in network.lines]))
    np.testing.assert_array_equal(read["CellData/Length"], network.lengths_mm)
    np.testing.assert_array_equal(read["CellData/Scale"], network.scales)
    assert read["counts"].tolist() == [len(network.points_mm), 0, 3, 0, 0]


def test_vtp_puts_a_lone_point_before_the_lines():
    network = network_of(ring_on_a_stem())
    read = read_vtp(to_vtp(network))
    lone = next(number for number, line in enumerate(network.lines) if len(line) == 1)
    assert read["Verts/connectivity"].tolist() == network.lines[lone].tolist()
    assert read["CellData/BranchId"][0] == network.branches[lone]
    assert sorted(read["CellData/BranchId"]) == sorted(network.branches) == list(range(1, len(network.lines) + 1))
    assert read["counts"][1:3].tolist() == [1, len(network.lines) - 1]


def test_swc_is_a_forest_in_millimetres():
    network = network_of(fork())
    comments, rows = read_swc(to_swc(network))
    assert "# SPACE=LPS UNIT=mm" in comments
    assert "# loops cut: 0" in comments
    assert rows[:, 0].tolist() == list(range(1, len(network.points_mm) + 1))
    assert (rows[:, 6] < rows[:, 0]).all()
    assert np.count_nonzero(rows[:, 6] == -1) == 1
    np.testing.assert_allclose(np.sort(rows[:, 5]), np.sort(network.radii_mm), atol=1e-6)
    np.testing.assert_allclose(rows[:, 2:5].min(axis=0), network.points_mm.min(axis=0), atol=1e-6)
    # Every step is one of the network's: the length is the same.
    child, parent = rows[1:, 2:5], rows[rows[1:, 6].astype(int) - 1, 2:5]
    assert np.linalg.norm(child - parent, axis=1).sum() == pytest.approx(network.lengths_mm.sum(), abs=1e-3)
    # It hangs on the free end of the thick stem.
    ends = [node for node in range(network.n_nodes) if sum(node in (line[0], line[-1]) for line in network.lines) == 1]
    assert rows[0, 5] == pytest.approx(network.radii_mm[ends].max(), abs=1e-6)


def test_swc_cuts_a_loop_and_says_so():
    network = network_of(ring_on_a_stem())
    comments, rows = read_swc(to_swc(network))
    assert "# loops cut: 1" in comments
    assert np.count_nonzero(rows[:, 6] == -1) == 2
    assert len(rows) == len(network.points_mm)


def test_graphml_is_the_graph_of_junctions_and_ends():
    network = network_of(fork(), "ras")
    graph = networkx.read_graphml(io.BytesIO(to_graphml(network).encode()))
    assert (graph.graph["SPACE"], graph.graph["UNIT"]) == ("RAS", "mm")
    assert sorted(dict(graph.degree()).values()) == [1, 1, 1, 3]
    for node, values in graph.nodes(data=True):
        number = int(node[1:])
        assert [values[axis] for axis in "xyz"] == network.points_mm[number].tolist()
        assert values["radius_mm"] == network.radii_mm[number]
    lengths = sorted(values["length_mm"] for *_, values in graph.edges(data=True))
    assert lengths == sorted(network.lengths_mm.tolist())
    assert {values["scale"] for *_, values in graph.edges(data=True)} == set(network.scales.tolist())
    assert sorted(values["branch"] for *_, values in graph.edges(data=True)) == sorted(network.branches.tolist())


def test_graphml_keeps_loops_and_lone_points():
    network = network_of(ring_on_a_stem())
    graph = networkx.read_graphml(io.BytesIO(to_graphml(network).encode()))
    assert graph.number_of_nodes() == network.n_nodes
    assert graph.number_of_edges() == len([line for line in network.lines if len(line) > 1])
    assert networkx.number_of_selfloops(graph) == 1
    assert networkx.number_of_isolates(graph) == 1


def test_nothing_is_a_valid_file_too():
    network = network_of(np.zeros((4, 4, 4), dtype=bool))
    assert read_vtp(to_vtp(network))["counts"].tolist() == [0, 0, 0, 0, 0]
    assert "# loops cut: 0" in to_swc(network)
    assert networkx.read_graphml(io.BytesIO(to_graphml(network).encode())).number_of_nodes() == 0
