"""The part of a report that shows a case's image in slices under the truth's outline and the errors."""

import base64

from ramify.drawing.colours import AGREEING, EXTRA, MISNAMED, MISSED, as_hex
from ramify.report.grey_values import HOUNSFIELD
from ramify.report.markup import data, join, swatch, text, unscripted, webp_address
from ramify.report.picture_frame import framed
from ramify.report.slice_still import COLOURS, FILLING, draw_still
from ramify.report.slices import CaseSlices

_SCROLL = "Click the picture, then turn the wheel or press ↑ and ↓; drag it to change the window."
_DRAG = "Drag the picture to change the window."


def slice_section(slices: CaseSlices | None, by_class: bool) -> str:
    """The slices of a case, or nothing; by_class: whether what has another class is told."""
    if slices is None:
        return ""
    several = len(slices.pictures) > 1
    help_text = _SCROLL if several else _DRAG
    inside = (
        f'<img src="{webp_address(draw_still(slices))}" alt="{text(_where(slices))}, truth and errors on it">'
        '<canvas tabindex="0" role="img" '
        f'aria-label="The image with truth and errors. {help_text}" title="{help_text}" hidden></canvas>'
    )
    share = min(1.0, slices.width_mm / slices.height_mm)
    frame = framed(inside, slices.width_mm, slices.height_mm, slices.edge_letters, share)
    missing = "To scroll through them takes" if several else "To change its window takes"
    note = (
        f"{missing} JavaScript, which is off here: this is {_where(slices)}." if several else f"{missing} JavaScript."
    )
    return (
        f"<h3>{'Slices' if several else 'Image'}</h3>{_legend(by_class)}"
        f'<div class="slices"><div>{frame}</div><div><p class="slices-note small quiet">{unscripted(note)}</p>'
        f"{_controls(slices)}</div>"
        f'<script type="application/json">{data(_plain(slices))}</script></div>'
    )


def _where(slices: CaseSlices) -> str:
    if len(slices.pictures) == 1:
        return "the image"
    return f"slice {slices.numbers[slices.first]} of {slices.total}, the one with most vessel"


def _legend(by_class: bool) -> str:
    colours = [
        (AGREEING, "outline of the truth where it was found"),
        (MISSED, "missed"),
        (EXTRA, "extra"),
        *([(MISNAMED, "found as another class")] if by_class else []),
    ]
    return f'<p class="legend">{"".join(f"<span>{swatch(as_hex(one))}{name}</span>" for one, name in colours)}</p>'


def _controls(slices: CaseSlices) -> str:
    last = len(slices.pictures) - 1
    step = slices.numbers[1] - slices.numbers[0] if last else 1
    every = f", one in {step} shown" if step > 1 else ""
    slider = (
        '<canvas class="strip" aria-hidden="true"></canvas>'
        f'<label>slice <output class="number"></output> of {slices.total}{every}'
        f'<input type="range" class="at" min="0" max="{last}" step="1" value="{slices.first}"></label>'
        '<div class="buttons"><button type="button" data-go="wrong">Most errors</button>'
        '<button type="button" data-go="held">Most vessel</button></div>'
    )
    grey = slices.grey
    presets = "".join(
        f'<button type="button" data-centre="{centre:g}" data-width="{width:g}">{text(name)}</button>'
        for name, (centre, width) in grey.presets.items()
    )
    unit = f" {grey.unit}" if grey.unit else ""
    widest = grey.highest - grey.lowest
    step_of = 1 if grey.unit == HOUNSFIELD else widest / 200
    ranges = join(
        f'<label>{name} <output class="{name}"></output>{unit}<input type="range" class="{name}" min="{low:g}" '
        f'max="{high:g}" step="{step_of:g}" value="{value:g}"></label>'
        for name, low, high, value in (
            ("centre", grey.lowest, grey.highest, grey.window[0]),
            ("width", step_of, widest, grey.window[1]),
        )
    )
    layers = "".join(
        f'<label><input type="checkbox" data-shown="{name}" checked>{words}</label>'
        for name, words in (("outline", "outline of the truth"), ("errors", "errors"))
    )
    return (
        f'<div class="controls">{slider if last else ""}<h4>Window</h4><div class="buttons">{presets}</div>{ranges}'
        f'<div class="layers">{layers}</div></div>'
    )


def _plain(slices: CaseSlices) -> dict[str, object]:
    """What report/slices.js draws."""
    return {
        "pictures": [base64.b64encode(picture).decode("ascii") for picture in slices.pictures],
        "labels": base64.b64encode(slices.labels).decode("ascii"),
        "shape": slices.shape,
        "numbers": slices.numbers,
        "first": slices.first,
        "lowest": slices.grey.lowest,
        "highest": slices.grey.highest,
        "colours": {label: as_hex(colour) for label, colour in COLOURS.items()},
        "filling": FILLING,
    }
