"""Classes on a page: a row each, the merged score first; the method in words; colours in pictures and surfaces."""

import re

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.drawing.colours import AGREEING, BACKDROP, MISNAMED, MISSED, as_hex, class_colours
from ramify.metrics.class_scores import evaluate_classes
from ramify.metrics.classes import ClassSet, parse_classes, parse_regions
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.table import build_report
from ramify.report.class_maps import class_maps
from ramify.report.class_section import class_section
from ramify.report.method_section import method_section
from ramify.report.page import build_page
from ramify.report.pictures import draw_views
from ramify.report.scene import build_scene
from ramify.report.settings import ReportSettings
from tests.report.drawn_cases import SPACING, analysed, fork
from tests.report.test_pictures import PLANE, pixels

QUICK = EvaluationSettings(measures=("overlap",))


def labels_2d() -> tuple[np.ndarray, np.ndarray]:
    """Two classes; of the first a part is missed, and a part found as the second."""
    truth = np.zeros((20, 24), dtype=np.int32)
    truth[5:8, 2:20], truth[12:15, 2:20] = 1, 2
    prediction = truth.copy()
    prediction[5:8, :6] = 0
    prediction[5:8, 14:] = np.where(truth[5:8, 14:] > 0, 2, 0)
    return prediction, truth


@pytest.fixture(scope="module")
def report() -> dict:
    classes = parse_classes(["<portal>=1", "hepatic=2"])
    chosen = ClassSet.of(classes, parse_regions(["mine=hepatic"], classes), ignore=9)
    rows = evaluate_classes(*labels_2d(), (1.0, 1.0), chosen.measured, QUICK)
    masks = {"classes": {one.name: list(one.labels) for one in chosen.classes}, "ignore_label": 9}
    masks["regions"] = {one.name: list(one.labels) for one in chosen.regions}
    return build_report({"a": rows}, {}, {}, QUICK, chosen, masks=masks)


def test_rows_of_classes_with_the_merged_score_first(report):
    content = class_section(report)
    names = re.findall(r'<th class="name">(?:<i[^>]*></i>)?(?:<b>)?([^<]*)', content)
    assert names == [
        "any vessel, whatever its class",
        "mean of the classes",
        "&lt;portal&gt;",
        "hepatic",
        "mine (region)",
    ]
    assert content.index(as_hex(class_colours(2)[0])) < content.index(as_hex(class_colours(2)[1]))
    merged = report["regions"]["any_vessel"]["summary"]["dice"]["mean"]
    assert f"<td>{merged:.3f}</td>" in content


def test_a_report_of_plain_masks_has_none():
    assert class_section(build_report({}, {}, {}, QUICK)) == ""


def test_the_method_says_classes_regions_and_what_is_ignored_in_words(report):
    content = method_section(report, "", "all")
    assert "&lt;portal&gt; = label 1; hepatic = label 2" in content
    assert "any_vessel = label 1 + 2; mine = label 2" in content
    assert "overlap (IoU) with the prediction is 0.25 or more" in content
    assert "Voxels of the truth&#x27;s label 9 count in no measure" in content


def test_the_page_shows_the_classes_before_the_cases(report):
    page = build_page(report, {}, "", ReportSettings())
    assert page.index('id="classes"') < page.index('id="cases"')
    assert "Mean Dice of the classes" in page


def test_topcow_on_the_page(report):
    halves = {"anterior": 0.5, "posterior": None}
    means = {name: {"mean": 0.8} for name in ("dice", "cldice", "b0_error", "hd95_mm")}
    summary = means | {"detection_f1": {"mean": 0.75}, "graph_accuracy": halves, "topology_match": halves}
    content = class_section(report | {"topcow": {"summary": summary}})
    assert "<dt>graph classification, anterior</dt><dd>0.500</dd>" in content
    assert "<dt>topology match, posterior</dt><dd>–</dd>" in content


def test_pictures_have_the_colours_of_the_classes():
    prediction, truth = labels_2d()
    maps = class_maps(prediction, truth, parse_classes(["1", "2"]))
    spacing = (1.0, 1.0)
    (pictures,) = draw_views(analysed(prediction > 0, spacing), analysed(truth > 0, spacing), PLANE, maps)
    top, left = 5 - 2, 2 - 2
    first, second = class_colours(2)
    true, found, error = (pixels(picture) for picture in (pictures.truth, pictures.prediction, pictures.error))
    assert tuple(true[6 - top, 3 - left]) == tuple(true[6 - top, 16 - left]) == first
    assert tuple(found[6 - top, 16 - left]) == tuple(found[13 - top, 3 - left]) == second
    for row, column, colour in ((6, 3, MISSED), (6, 10, AGREEING), (6, 16, MISNAMED), (10, 10, BACKDROP)):
        assert tuple(error[row - top, column - left]) == colour


def test_surfaces_have_the_colours_of_the_classes():
    mask = fork()
    truth = np.where(mask, 1, 0)
    truth[..., 18:][mask[..., 18:]] = 2
    prediction = truth.copy()
    prediction[..., :9] = 0
    maps = class_maps(prediction, truth, parse_classes(["1", "2"]))
    scene = build_scene(analysed(prediction > 0), analysed(mask), Volume(mask, SPACING), 5000, maps)
    layers = {layer["name"]: layer for layer in scene["layers"]}
    assert list(layers) == ["prediction by class", "extra", "missed", "truth by class"]
    colours = [as_hex(colour) for colour in class_colours(2)]
    assert layers["truth by class"]["colours"] == layers["prediction by class"]["colours"] == colours
    counts = dict.fromkeys(colours, 0)
    for part in layers["truth by class"]["parts"]:
        counts[part["colour"]] += part["count"]
    assert all(counts.values())
    assert sum(counts.values()) == scene["surfaces"][1]["n_triangles"]
    assert sum(part["count"] for part in layers["missed"]["parts"]) > 0
