from xml.etree import ElementTree

import pytest

from ramify.report.charts import letter_value_plot, radius_histogram, scale_strips, strip
from ramify.report.intervals import mean_interval

VALUES = [0.2, 0.4, 0.6, 0.9]


def elements(svg: str, tag: str, kind: str = "") -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(svg).iter(tag) if not kind or one.attrib.get("class") == kind]


def test_a_strip_has_a_dot_a_case_in_its_place():
    mean = mean_interval(VALUES)
    svg = strip(VALUES, mean, 1.0, "Dice")
    places = [float(dot.attrib["cx"]) for dot in elements(svg, "circle", "dot")]
    assert places == pytest.approx([6 + 178 * value for value in VALUES], abs=0.06)
    (whisker,) = elements(svg, "line", "whisker")
    ends = [6 + 178 * end for end in (mean.low, mean.high)]
    assert [float(whisker.attrib[end]) for end in ("x1", "x2")] == pytest.approx(ends, abs=0.06)
    assert len(elements(svg, "polygon", "mean")) == 1
    assert not elements(strip([], mean_interval([]), 1.0, "Dice"), "polygon")


def test_scales_have_a_row_each_and_their_mean_in_figures():
    svg = scale_strips(
        [("small", "#ff0000", VALUES, mean_interval(VALUES)), ("large", "#00ff00", [], mean_interval([]))], 1, "x"
    )
    texts = [one.text for one in elements(svg, "text", "ink")]
    assert texts == ["small", f"{sum(VALUES) / 4:.2f}", "large", "–"]
    assert [one.attrib["fill"] for one in elements(svg, "circle")] == ["#ff0000"] * 4


def test_histogram_counts_every_branch():
    truth, prediction = [0.5] * 3 + [2.0], [0.5, 1.0]
    svg = radius_histogram(truth, prediction)
    bars = elements(svg, "rect", "truth")
    heights = [float(bar.attrib["height"]) for bar in bars]
    assert len(bars) == 2
    assert heights[0] == pytest.approx(3 * heights[1], abs=0.3)
    assert len(elements(svg, "path", "predicted")) == 1
    assert not elements(radius_histogram(truth, []), "path")
    assert radius_histogram([], []) == ""


def test_letter_values_of_each_case_and_names_that_are_text():
    cases = {"<b>one</b>": ([1.0, 2.0, 3.0], [1.5]), "a very long name of a case indeed, number 2": ([], [2.0])}
    svg = letter_value_plot(cases)
    assert len(elements(svg, "rect", "box-truth")) == 1
    assert len(elements(svg, "rect", "box-predicted")) == 2
    names = [one.text or "" for one in elements(svg, "text", "ink")]
    assert names[0] == "<b>one</b>"
    assert names[1].startswith("…")
    assert names[1].endswith("number 2")
    assert any(one.text == "3 | 1" for one in elements(svg, "text"))
