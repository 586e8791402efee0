import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ramify.metrics.settings import EvaluationSettings
from ramify.report.case_section import _picture
from ramify.report.page import build_page, rank_cases, write_report
from ramify.report.pictures import ViewPictures, packed
from ramify.report.settings import ReportSettings
from tests.report.drawn_cases import drawn_report, fork, fork_2d, without_left_arm

EVIL = "<script>alert(1)</script>"
QUOTED = "\"><img src=x onerror='alert(2)'>&amp;"


class Page(HTMLParser):
    """Elements of a page, and the text in each."""

    VOID = frozenset({"meta", "img", "input", "br", "circle", "line", "rect", "polygon"})

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(content)
        self.close()
        assert not self.open, "an element is left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not (self.open and self.open[-1] == "style"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(report: dict, views: dict, **settings: int | str) -> str:
    return build_page(report, views, "evaluate.py --report x.html", ReportSettings.model_validate(settings))


@pytest.fixture(scope="module")
def drawn() -> tuple[dict, dict]:
    truth = fork()
    half, nothing = without_left_arm(truth), np.zeros_like(truth)
    cases = {"good": (truth, truth), "half": (half, truth), "missed": (nothing, truth), EVIL: (half, truth)}
    return drawn_report({**cases, QUOTED: (truth, half)}, {f"bad{EVIL}": f"{EVIL}.nii.gz: damaged"})


@pytest.fixture(scope="module")
def content(drawn) -> str:
    return page_of(*drawn)


@pytest.fixture(scope="module")
def page(content) -> Page:
    return Page(content)


def test_names_stay_names(page, content):
    """No element comes of a name: two scripts of ours and no image from elsewhere; the names are read as written."""
    assert EVIL not in content
    executable = [one for one in page.all("script") if one.get("type") != "application/json"]
    assert len(executable) == 2
    assert all(image["src"].startswith("data:image/webp;base64,") for image in page.all("img"))
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert EVIL in page.text
    assert QUOTED in page.text
    assert f"{EVIL}.nii.gz: damaged" in page.text


def test_nothing_is_loaded_from_elsewhere(page, content):
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "xlink:href", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), value
    style = content[content.index("<style>") : content.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "http://" not in content
    assert "https://" not in content


def test_the_browser_may_run_these_scripts_alone(page):
    (policy,) = [one["content"] for one in page.all("meta") if "http-equiv" in one]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    scripts = [text for text in page.scripts if "no-script" in text or "openViewer" in text]
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"script-src ([^;]*)", policy) == [" ".join(f"'sha256-{digest}'" for digest in digests)]
    assert len(digests) == 2
    assert not [one for one in page.all("script") if "src" in one]


def test_without_scripts_the_page_says_what_is_missing(page, content):
    """What a script changes is written for those who have none."""
    assert [element.get("class") for element in page.all("html")] == ["no-script"]
    head, _, script = content.rpartition("<script>")
    assert "being prepared" not in head
    assert head.count('<span class="unscripted">The 3D view needs JavaScript') == head.count("<canvas")
    # Before anything is shown: where scripts are slow, they are not off.
    before, _, _ = head.partition("<body>")
    assert '<script>document.documentElement.classList.remove("no-script");</script>' in before
    assert "html:not(.no-script) .unscripted { display: none; }" in before
    assert "being prepared" in script
    assert head.count('class="scripted"') == 1


def test_the_worst_come_first(drawn, page):
    report, _ = drawn
    ranked, measure = rank_cases(report, "cldice")
    assert measure == "cldice"
    assert ranked[0] == "missed"
    assert ranked[-1] == "good"
    scores = [report["cases"][case_id]["cldice"] for case_id in ranked]
    assert scores == sorted(scores)
    by_distance, _ = rank_cases(report, "hd_mm")
    distances = [report["cases"][case_id]["hd_mm"] for case_id in by_distance]
    assert distances == sorted(distances, reverse=True)
    assert rank_cases(report, "of another kind")[1] == next(iter(report["measures"]))
    cells = [one["data-value"] for one in page.all("td") if one.get("title")]
    assert cells[: len(ranked)] == ranked


def test_what_is_undefined_comes_last():
    report = {"cases": {"a": {"m": None}, "b": {"m": 0.1}}, "measures": {"m": {"better": "higher"}}}
    assert rank_cases(report, "m")[0] == ["b", "a"]


def test_every_case_has_its_place_and_links_lead_there(page):
    anchors = [one["id"] for one in page.all("details") if one.get("class") == "card case"]
    assert anchors == [f"case-{number}" for number in range(1, 6)]
    links = {one["href"] for one in page.all("a")}
    assert links == {f"#{anchor}" for anchor in anchors}
    opened = [one["id"] for one in page.all("details") if "open" in one]
    # The worst has no prediction to look at: the next one is open.
    assert opened == ["case-2"]


def test_numbers_of_the_report_are_on_the_page(drawn, page):
    report, _ = drawn
    assert f"{report['summary']['cldice']['mean']:.3f}" in page.text
    for words in (report["policy"], "abc123", "evaluate.py --report x.html", "26 in 3D", "Few cases: with 5"):
        assert words in page.text, words
    for about in report["measures"].values():
        assert about["formula"] in page.text
        assert about["source"] in page.text


def test_pictures_and_surfaces_are_bounded(drawn):
    report, views = drawn
    page = Page(page_of(report, views, cases=3, surfaces=1))
    assert len([one for one in page.all("details") if one.get("class") == "card case"]) == 3
    assert len(page.all("canvas")) == 1
    assert "the 3 worst of 5 by clDice; 1 of them, the worst, with surfaces to rotate" in page.text
    bare = Page(page_of(report, views, cases=0))
    assert not bare.all("img")
    assert not bare.all("canvas")
    assert len([one for one in bare.all("td") if one.get("title")]) == 5


def test_images_of_two_dimensions_have_no_surface():
    plane = fork_2d()
    page = Page(page_of(*drawn_report({"a": (plane, plane)})))
    assert not page.all("canvas")
    assert len(page.all("img")) == 3
    assert "Fewer than three cases" in page.text


def test_nothing_evaluated_and_nothing_in_the_masks():
    page = Page(page_of(*drawn_report({}, {"a": "no truth of that name"})))
    assert "No case could be evaluated." in page.text
    assert "no truth of that name" in page.text
    nothing = np.zeros((6, 6, 6), dtype=bool)
    page = Page(page_of(*drawn_report({"a": (nothing, nothing)})))
    assert "Both masks are empty" in page.text
    assert "both empty" in page.text


def test_classes_have_a_table_of_their_own(drawn):
    report, views = drawn
    section = {"cases": report["cases"], "summary": report["summary"]}
    page = Page(page_of({**report, "classes": {f"portal{EVIL}": section}}, views))
    assert "mean of the classes" in page.text
    assert f"portal{EVIL}" in page.text


def test_a_report_is_written_whole(tmp_path, drawn, content):
    path = tmp_path / "new" / "report.html"
    write_report(path, *drawn, command_line="evaluate.py --report x.html")
    assert path.read_text(encoding="utf-8") == content
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]


def test_a_name_that_is_no_text_is_written_too():
    truth = fork()
    report, views = drawn_report({"bad\udcff": (truth, truth)})
    page_of(report, views).encode("utf-8")


@pytest.mark.parametrize("quantiles", [(), (0.5,), (0.2, 0.4, 0.6, 0.8)])
def test_any_number_of_scales(quantiles):
    truth = fork()
    settings = EvaluationSettings.model_validate({"scales": {"quantiles": quantiles}})
    page = Page(page_of(*drawn_report({"a": (without_left_arm(truth), truth)}, settings=settings)))
    count = len(quantiles) + 1
    swatches = [one for one in page.all("i") if one.get("style", "").count("--share")]
    assert len(swatches) == count
    assert ("Vessels by size" in page.text) == (count > 1)
    assert ("Smallest vessels found" in page.text) == (count > 1)


@pytest.mark.parametrize("family", ["overlap", "topology"])
def test_one_family_of_measures_alone(family):
    truth = fork()
    settings = EvaluationSettings(measures=(family,))
    report, views = drawn_report({"a": (truth, truth), "b": (without_left_arm(truth), truth)}, settings=settings)
    page = Page(page_of(report, views))
    assert f"the worst {'Dice' if family == 'overlap' else 'β0 error'} first" in page.text
    rows = [one for one in page.all("td") if one.get("title")]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("width_mm", "length"), [(0.3, "0.1"), (30.0, "10"), (29.0, "5"), (149.0, "20"), (450.0, "100")]
)
def test_the_ruler_is_a_round_number_of_millimetres(width_mm, length):
    picture = packed(np.zeros((1, 2, 3), np.uint8))
    drawn = _picture(ViewPictures("", (), width_mm, 1.0, picture, picture, picture), "truth", "truth", 1.0)
    assert f">{length} mm</span>" in drawn, "a third of 0.3 mm is less than 0.1 mm, and its logarithm is not"


def test_the_method_names_what_was_warned_of():
    report, views = drawn_report({"a": (without_left_arm(fork()), fork())})
    assert "Warnings" not in Page(page_of(report, views)).text
    warned = Page(page_of({**report, "notes": {"a": ["truth: values inverted", EVIL]}}, views))
    assert "Warnings" in warned.text
    assert "a: truth: values inverted" in warned.text
    assert f"a: {EVIL}" in warned.text
