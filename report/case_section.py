"""The part of a report about one case: its surfaces, scales, radii, projections and values."""

from collections.abc import Iterable, Mapping
from typing import Any

from ramify.drawing.colours import AGREEING, EXTRA, MISNAMED, MISSED, Colour, as_hex, class_colours, scale_colours
from ramify.drawing.scale_words import scale_names
from ramify.report.bars import Bar, bars
from ramify.report.case_table import badges
from ramify.report.case_view import CaseView, ScaleShare
from ramify.report.charts import radius_histogram
from ramify.report.markup import join, swatch, text, webp_address
from ramify.report.measure_words import named_unit, short_name, written
from ramify.report.picture_frame import framed
from ramify.report.pictures import ViewPictures
from ramify.report.slice_section import slice_section
from ramify.report.viewer_section import viewer

HEADLINE = ("cldice", "dice", "hd95_mm")


def case_section(
    case_id: str, anchor: str, row: Mapping[str, Any], view: CaseView, described: Mapping[str, Any], opened: bool
) -> str:
    """A case to unfold; `opened` says whether it already is."""
    scores = join(
        f'<span class="score">{text(short_name(measure))} <b>{text(written(row[measure], measure, described))}</b>'
        f"{_unit(described[measure]['unit'])}</span>"
        for measure in HEADLINE
        if measure in row
    )
    viewer = _viewer(view.scene)
    charts = _scale_bars(view.scales) + _radii(view)
    top = (
        f'<div class="pair">{viewer}<div>{charts}</div></div>' if viewer else f'<div class="pair single">{charts}</div>'
    )
    slices = slice_section(view.slices, bool(view.classes))
    notes = join(f'<p class="note">{text(note)}</p>' for note in view.notes)
    return (
        f'<details class="card case" id="{anchor}"{" open" if opened else ""}>'
        f'<summary><h3 class="name">{text(case_id)}</h3>{badges(row)}{scores}'
        f'<span class="score">{text(view.geometry)}</span></summary>'
        f'<div class="inside">{top if viewer or charts else ""}{slices}{_projections(view)}{notes}'
        f"{_values(row, described)}</div>"
        "</details>"
    )


def _unit(unit: str) -> str:
    return f" {text(unit)}" if unit else ""


def _viewer(scene: Mapping[str, Any] | None) -> str:
    if scene is None:
        return ""
    layers = join(
        f'<label><input type="checkbox" data-layer="{number}"{" checked" if layer["shown"] else ""}>'
        f'<span class="swatches">{"".join(swatch(colour) for colour in layer["colours"])}</span>'
        f"{text(layer['name'])}</label>"
        for number, layer in enumerate(scene["layers"])
    )
    return viewer(scene, f'<div class="layers">{layers}</div>', "The projections below show the same vessels.")


def _scale_bars(scales: tuple[ScaleShare, ...]) -> str:
    if not scales:
        return ""
    rows = []
    for name, colour, scale in zip(scale_names(len(scales)), scale_colours(len(scales)), scales):
        share = scale.sensitivity
        shown = "–" if share is None else f"{share:.3f}"
        branches = f"{scale.branches:,} branch{'' if scale.branches == 1 else 'es'}"
        rows.append(Bar(name, f"{scale.radii} · {branches}", shown, share or 0.0, colour))
    return bars("Share of the vessels found, by scale", rows)


def _radii(view: CaseView) -> str:
    chart = radius_histogram(view.truth_radii_mm, view.prediction_radii_mm)
    if not chart:
        return ""
    counts = len(view.truth_radii_mm), len(view.prediction_radii_mm)
    legend = (
        f"<span>{swatch('var(--truth)')}truth, {counts[0]:,} branches</span>"
        f"<span>{swatch('var(--predicted)')}prediction, {counts[1]:,} branches</span>"
    )
    return f'<div><h3>Branch radii</h3><p class="legend">{legend}</p>{chart}</div>'


def _projections(view: CaseView) -> str:
    if not view.pictures:
        return '<p class="quiet">Both masks are empty: there is nothing to show.</p>'
    widest = max(pictures.width_mm for pictures in view.pictures)
    cells = []
    for order, pictures in enumerate(view.pictures):
        title = pictures.title or "image"
        if pictures.title:
            cells.append(f'<div class="caption" style="--order:{2 * order}">{text(title)}</div>')
        for kind, name in (("truth", "truth"), ("prediction", "prediction"), ("error", "error")):
            frame = _picture(pictures, kind, f"{name}, {title}", pictures.width_mm / widest)
            # On a phone the error comes first, in full width.
            place = 2 * order + (0 if kind == "error" else 1)
            cells.append(
                f'<figure class="{kind}" style="--order:{place}"><figcaption>{name}</figcaption>{frame}</figure>'
            )
    return (
        f"<h3>{'Projections' if len(view.pictures) > 1 else 'Masks'}</h3>{_legend(view)}"
        f'<div class="views-grid">{join(cells)}</div>'
    )


def _legend(view: CaseView) -> str:
    """What the colours of the pictures mean."""
    errors = [(AGREEING, "agreeing"), (MISSED, "missed"), (EXTRA, "extra")]
    if view.classes:
        classes = zip(class_colours(len(view.classes)), view.classes, strict=True)
        return (
            f'<p class="legend">{_swatches(classes)}</p>'
            f'<p class="legend">{_swatches([*errors, (MISNAMED, "of another class")])}</p>'
        )
    scales = "".join(swatch(as_hex(colour)) for colour in scale_colours(len(view.scales))) if view.scales else ""
    first = f'<span><span class="swatches">{scales}</span>truth by scale, small to large</span>' if scales else ""
    return f'<p class="legend">{first}{_swatches(errors)}</p>'


def _swatches(colours: Iterable[tuple[Colour, str]]) -> str:
    return "".join(f"<span>{swatch(as_hex(colour))}{text(name)}</span>" for colour, name in colours)


def _picture(pictures: ViewPictures, kind: str, label: str, share: float) -> str:
    image = f'<img src="{webp_address(getattr(pictures, kind))}" alt="{text(label)}">'
    return framed(image, pictures.width_mm, pictures.height_mm, pictures.edge_letters, share)


def _values(row: Mapping[str, Any], described: Mapping[str, Any]) -> str:
    names = [(named_unit(measure, described), written(row[measure], measure, described)) for measure in described]
    pairs = join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in names)
    return f'<details class="plain"><summary>All values of this case</summary><dl class="values">{pairs}</dl></details>'
