from typing import Any
from xml.etree import ElementTree

from ramify.analysis.page.tree_diagram import lay_out, tree_diagram


def row(branch: int, parent: int | None, length: float, order: int, tree: int = 1, gap: float = 0.0) -> dict[str, Any]:
    return {
        "branch": branch,
        "parent": parent,
        "tree": tree,
        "gap_mm": gap,
        "length_mm": length,
        "strahler_order": order,
        "radius_mm": float(order),
        "generation": 0,
    }


# A trunk that forks into a twig and a stem, which forks again; and a small tree beside it, first in the table.
TREE = [
    row(1, None, 1, 1, tree=2),
    row(2, None, 10, 2),
    row(3, 2, 20, 1),
    row(4, 2, 30, 2),
    row(5, 4, 5, 1),
    row(6, 4, 6, 1, gap=2),
]


def test_a_branch_lies_where_its_path_from_the_root_does():
    layout = lay_out(TREE)
    assert layout.starts_mm == [0, 0, 10, 10, 40, 42]
    assert layout.ends_mm == [1, 10, 30, 40, 45, 48]
    assert layout.trees_left_out == 0


def test_ends_lie_below_each_other_and_forks_amid_them():
    lines = lay_out(TREE).lines
    assert [lines[number] for number in (2, 4, 5)] == [0, 1, 2]
    assert lines[3] == 1.5
    assert lines[1] == 0.75
    # The tree that comes first in number is on top.
    assert lines[0] == 4


def test_small_trees_go_first_and_then_low_orders():
    layout = lay_out(TREE, most_ends=3)
    assert (layout.trees_left_out, layout.lowest_order, sorted(layout.lines)) == (1, 1, [1, 2, 3, 4, 5])
    layout = lay_out(TREE, most_ends=2)
    assert (layout.lowest_order, sorted(layout.lines)) == (2, [1, 3])


def test_a_large_tree_stays_readable_and_says_what_it_lacks():
    # Twelve forks in two on the way: 8,191 branches.
    rows = [row(n, n // 2 or None, 1, 14 - n.bit_length()) for n in range(1, 2**13)]
    picture = tree_diagram(rows, ())
    svg = ElementTree.fromstring(picture[picture.index("<svg") : picture.index("</svg>") + 6])
    drawn = [one for one in svg.iter("path") if one.find("title") is not None]
    assert len(drawn) == 2**9 - 1
    assert float(svg.attrib["viewBox"].split()[3]) < 1200
    assert f"{len(drawn):,} of 8,191 branches are" in picture
    assert "Strahler orders 1 to 4" in picture


def test_branches_at_one_root_are_joined():
    rows = [row(1, None, 5, 1), row(2, None, 6, 1), row(3, None, 7, 1, tree=2)]
    assert lay_out(rows).lines == {0: 0, 1: 1, 2: 3}
    assert tree_diagram(rows, ()).count("<path d=") == 1
    assert tree_diagram(rows[1:], ()).count("<path d=") == 0


def test_one_branch_without_length():
    assert "<path" in tree_diagram([row(1, None, 0, 1)], ())


def test_a_long_chain_is_no_deep_recursion():
    rows = [row(n, n - 1 or None, 1, 1) for n in range(1, 3001)]
    assert lay_out(rows).ends_mm[-1] == 3000
