import json
import re

import numpy as np
import pytest

from ramify.analysis import AnalysisSettings, analyse
from ramify.analysis.page.painted_paths import painting_style
from ramify.analysis.page.paints import MOST_CLASSES, paints_of, radius_limits
from ramify.analysis.page.settings import TreePageSettings
from ramify.analysis.page.summary_words import WORDS, written
from ramify.analysis.page.tree_page import address_of, build_tree_page
from ramify.analysis.page.tree_view import TreeView, view_tree
from ramify.analysis.summary import flat_row
from ramify.drawing.colours import as_hex, scale_colours
from tests.analysis.drawn_trees import forks
from tests.report.test_page import Page

UNIT = (1.0, 1.0, 1.0)
EVIL = "<script>alert(1)</script>"
FULL = TreePageSettings()


def page_of(views: dict[str, TreeView], failed: dict[str, str] | None = None, title: str = "") -> str:
    rows = [{"case": name, **flat_row(dict(view.summary))} for name, view in views.items()]
    tables = dict.fromkeys(views, "out/case/")
    return build_tree_page(rows, views, tables, failed or {}, {}, (), (), "analyse.py", {"commit": "c"}, title)


@pytest.fixture(scope="module")
def tree():
    # Beside the tree lies a loose piece, and a bar that closes a cycle.
    mask = forks()
    mask[4:6, 4:6, 4:14] = True
    mask[10:14, 52:56, 32:60] = True
    mask[10:14, 22:56, 56:60] = True
    return analyse(mask, UNIT, AnalysisSettings(join_within_mm=2))


@pytest.fixture(scope="module")
def view(tree) -> TreeView:
    return view_tree(tree, FULL)


@pytest.fixture(scope="module")
def content(view) -> str:
    return page_of({EVIL: view, "b": view}, {"lost": EVIL})


def test_every_branch_has_a_class_in_every_paint(tree):
    paints = {paint.name: paint for paint in paints_of(tree)}
    assert list(paints) == ["radius", "order", "generation", "scale", "tree"]
    for paint in paints.values():
        assert len(paint.of) == len(tree.branch_rows)
        assert {*paint.of} <= {*range(len(paint.labels))}
        assert len(paint.labels) == len(paint.colours) <= MOST_CLASSES
    for row, order, kind in zip(tree.branch_rows, paints["order"].of, paints["tree"].of):
        assert paints["order"].labels[order] == str(row["strahler_order"])
        assert paints["tree"].labels[kind] == str(row["tree"])
    # As in the label maps.
    assert paints["order"].colours == tuple(scale_colours(max(row["strahler_order"] for row in tree.branch_rows)))


@pytest.mark.parametrize("unit", [1, 0.001])
def test_radii_fall_into_classes_in_their_order(unit):
    radii = unit * np.array([0.5, 0.5, 1.0, 2.0, 4.0, 4.0])
    limits = radius_limits(radii)
    assert len(limits) == 3
    assert list(limits) == sorted({*limits})
    of = np.searchsorted(limits, radii)
    assert (np.diff(of) >= 0).all()
    assert {*of.tolist()} == {*range(len(limits) + 1)}
    assert radius_limits(np.array([1.0, 1.0])) == ()


def test_triangles_go_by_branches(tree, view):
    assert view.scene is not None
    (surface,) = view.scene["surfaces"]
    assert len(view.scene["counts"]) == len(tree.branch_rows)
    assert sum(view.scene["counts"]) == surface["n_triangles"]
    # A vessel's share of the triangles is about its share of the wall.
    longest = max(range(len(tree.branch_rows)), key=lambda number: tree.branch_rows[number]["surface_mm2"])
    assert view.scene["counts"][longest] == max(view.scene["counts"])


def test_a_page_shows_names_as_text_and_loads_nothing(content):
    page = Page(content)
    assert EVIL not in content
    assert EVIL in page.text
    assert [one for one in page.all("script") if one.get("type") != "application/json"] == [{}, {}]
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "out/case/")), value
    assert "http://" not in content
    assert "https://" not in content
    assert content.count('class="viewer-note"') == 2


def test_a_page_has_the_title_it_is_given(content):
    assert "<h1>Vascular trees</h1>" in content
    assert "<title>Vascular trees, 2</title>" in content
    titled = page_of({}, title=EVIL)
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt;: vascular trees</title>" in titled
    assert EVIL not in titled


def test_cycles_and_pieces_are_listed(tree, view, content):
    assert len(view.cycles) == tree.summary["cycles"] > 0
    assert len(view.pieces) == tree.summary["trees"] - 1 > 0
    assert "Cycles and contacts that were cut" in content
    assert "Other trees" in content
    (piece,) = view.pieces
    assert piece["length_mm"] == pytest.approx(9, abs=2)


def test_colours_are_chosen_without_a_script(view, content):
    style = content[content.index("<style>") : content.index("</style>")]
    for paint in view.paints:
        for number, colour in enumerate(paint.colours):
            name = f"{paint.name}-{number}"
            assert f".paint:has(input[value={paint.name}]:checked) path.{name} {{ stroke: var(--{name}); }}" in style
            assert f"--{name}:{as_hex(colour)}" in content
            assert f'<input type="checkbox" value="{name}" checked>' in content
    drawn = re.findall(r'<path class="([^"]*)"', view.plan + view.diagram)
    names = {name for classes in drawn for name in classes.split()}
    assert {f"{paint.name}-{number}" for paint in view.paints for number in paint.of} <= names
    assert painting_style(0).count("path.") == 0


def test_the_viewer_finds_what_it_reads(content):
    scene = json.loads(Page(content).scripts[1])
    assert {*scene} == {"surfaces", "extent_mm", "centre", "counts", "choices"}
    for choice in scene["choices"].values():
        assert len(choice["of"]) == len(scene["counts"])


def test_every_number_of_a_summary_has_words(tree):
    plain = {name for name, value in tree.summary.items() if not isinstance(value, dict)}
    flat = analyse(forks()[12], (1.0, 1.0), organ=np.ones(forks()[12].shape, bool))
    solid = analyse(forks(), UNIT, organ=np.ones(forks().shape, bool))
    for summary in (flat.summary, solid.summary):
        plain |= {name for name, value in summary.items() if not isinstance(value, dict)}
    assert plain == {*WORDS}


def test_a_picture_of_two_dimensions():
    view = view_tree(analyse(forks()[12], (1.0, 1.0)), FULL)
    content = page_of({"flat": view})
    assert view.scene is None
    assert "viewer-note" not in content.rpartition("<script>")[0].split("</style>")[1]
    assert content.count('aria-label="Centrelines in the image') == 1
    assert "Cycles and contacts" not in content


@pytest.mark.parametrize("where", [(2, 2, 2), slice(None)], ids=["one voxel", "all of the volume"])
def test_a_vessel_of_one_voxel_and_a_mask_without_background_are_shown(where):
    mask = np.zeros((5, 5, 5), bool)
    mask[where] = True
    assert "branches" in page_of({"one": view_tree(analyse(mask, UNIT), FULL)})


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (3, "3"), (12345.6, "12,346"), (0.01234567, "0.01235"), (2.0, "2")]
)
def test_numbers_are_written_with_the_digits_that_count(value, shown):
    assert written(value) == shown


def test_an_address_is_relative_and_quoted(tmp_path):
    assert address_of(tmp_path / "out" / "a b'", tmp_path / "page.html") == "out/a%20b%27/"
    assert address_of(tmp_path / "out", tmp_path / "pages" / "page.html") == "../out/"
