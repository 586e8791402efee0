"""Small charts as SVG. Colours come from report/page.css by class, so that they follow the page into the dark."""

from collections.abc import Mapping, Sequence

import numpy as np

from ramify.drawing.letter_values import letter_values
from ramify.report.intervals import MeanInterval
from ramify.report.markup import join, text

_BINS = 24
# Of one value there is a line.
_LOWEST_BOX = 1.5
_STEPS = (1, 2, 2.5, 5, 10)


def strip(values: Sequence[float], mean: MeanInterval, highest: float, label: str) -> str:
    """A dot a case, and below them their mean and its interval, from 0 to `highest`."""
    width, height, margin = 190, 24, 6
    at = _scale(0, highest, margin, width - margin)
    parts = [f'<line class="rule" x1="{margin}" x2="{width - margin}" y1="12" y2="12"/>']
    parts += [f'<circle class="dot" cx="{at(value):.1f}" cy="6.5" r="3.2"/>' for value in values]
    parts += _mean_mark(mean, at, 17.5)
    return _svg(width, height, parts, label)


def scale_strips(
    rows: Sequence[tuple[str, str, Sequence[float], MeanInterval]], highest: float, label: str, digits: int = 2
) -> str:
    """A row a scale: its name, a dot a case, the mean with its interval and in figures.

    rows: (name, colour, values, mean) of each scale; the colour is that of the scale.
    """
    width, left, right, line, top = 264, 54, 34, 32, 2
    at = _scale(0, highest, left, width - right)
    height = top + line * len(rows) + 16
    parts = []
    for tick in ticks(highest):
        x = f"{at(tick):.1f}"
        parts.append(f'<line class="rule" x1="{x}" x2="{x}" y1="{top}" y2="{height - 16}"/>')
        parts.append(f'<text x="{x}" y="{height - 3}" text-anchor="middle">{tick:g}</text>')
    for number, (name, colour, values, mean) in enumerate(rows):
        y = top + line * (number + 0.5)
        parts.append(f'<text class="ink" x="0" y="{y + 4}">{text(name)}</text>')
        look = f'r="4" fill="{text(colour)}" fill-opacity="0.8" stroke="#0007" stroke-width="0.8"'
        parts += [f'<circle cx="{at(value):.1f}" cy="{y - 5}" {look}/>' for value in values]
        parts += _mean_mark(mean, at, y + 6.5)
        shown = "–" if mean.mean is None else f"{mean.mean:.{digits}f}"
        parts.append(f'<text class="ink" x="{width}" y="{y + 4}" text-anchor="end">{shown}</text>')
    return _svg(width, height, parts, label)


def _mean_mark(mean: MeanInterval, at, y: float) -> list[str]:  # type: ignore[no-untyped-def]
    marks = []
    if mean.low is not None and mean.high is not None:
        marks.append(f'<line class="whisker" x1="{at(mean.low):.1f}" x2="{at(mean.high):.1f}" y1="{y}" y2="{y}"/>')
    if mean.mean is not None:
        x = at(mean.mean)
        points = f"{x:.1f},{y - 5} {x + 4:.1f},{y} {x:.1f},{y + 5} {x - 4:.1f},{y}"
        marks.append(f'<polygon class="mean" points="{points}"/>')
    return marks


def radius_histogram(truth: Sequence[float], prediction: Sequence[float]) -> str:
    """How many branches have which radius: the truth as bars, the prediction as a line; empty without any."""
    both = [*truth, *prediction]
    if not both:
        return ""
    width, height, left, bottom, top = 380, 168, 34, 34, 8
    highest = max(both) * 1.0001
    edges = np.linspace(0, highest, _BINS + 1)
    counts = [np.histogram(radii, edges)[0] for radii in (truth, prediction)]
    tallest = max(int(count.max()) for count in counts)
    across, up = _scale(0, highest, left, width - 6), _scale(0, tallest, height - bottom, top)
    parts = []
    for tick in ticks(tallest, whole=True):
        parts.append(f'<line class="rule" x1="{left}" x2="{width - 6}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for low, high, count in zip(edges[:-1], edges[1:], counts[0]):
        x, y = across(low) + 0.5, up(count)
        bar = f'width="{across(high) - x - 0.5:.1f}" height="{height - bottom - y:.1f}"'
        parts.append(f'<rect class="truth" x="{x:.1f}" y="{y:.1f}" {bar}/>' if count else "")
    if len(prediction):
        path = f"M{across(0):.1f} {up(0):.1f}"
        for high, count in zip(edges[1:], counts[1]):
            path += f"V{up(count):.1f}H{across(high):.1f}"
        parts.append(f'<path class="predicted" d="{path}V{up(0):.1f}"/>')
    for tick in ticks(highest):
        parts.append(f'<text x="{across(tick):.1f}" y="{height - bottom + 14}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(left + width) / 2}" y="{height - 4}" text-anchor="middle">branch radius (mm)</text>')
    return _svg(width, height, parts, "Histogram of branch radii in truth and prediction")


def letter_value_plot(
    columns: Mapping[str, Sequence[Sequence[float]]],
    kinds: Sequence[str] = ("truth", "predicted"),
    narrow: bool = False,
) -> str:
    """Branch radii as letter values side by side, as of truth and prediction (Sadikine et al. 2023, Fig. 4).

    Boxes hold the middle half, three quarters, seven eighths … of the branches; dots lie beyond.

    Args:
        columns: name -> radii of each kind, mm; one without any is an empty place.
        kinds: what stands in each column: `truth` and `predicted`, or one alone.
        narrow: for a third of the page instead of its whole width.
    """
    left, top, bottom, plot = 40, 10, 62, 190
    # Few columns fill the page, many keep their width and scroll.
    whole, least, most = (350, 48, 66) if narrow else (1150, 76, 150)
    step = float(np.clip((whole - left) / max(len(columns), 1), least, most))
    width, height = left + step * len(columns), top + plot + bottom
    highest = max((max(radii) for its in columns.values() for radii in its if len(radii)), default=1.0) * 1.03
    up = _scale(0, highest, top + plot, top)
    parts = []
    for tick in ticks(highest):
        parts.append(f'<line class="rule" x1="{left}" x2="{width}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for number, (name, its) in enumerate(columns.items()):
        middle = left + step * (number + 0.5)
        for place, (radii, kind) in enumerate(zip(its, kinds, strict=True)):
            parts += _letter_boxes(radii, kind, middle + 30 * (place - (len(kinds) - 1) / 2), up)
        fitting = int(step / 6.4)
        # Names of cases tend to begin alike.
        short = name if len(name) <= fitting else f"…{name[1 - fitting :]}"
        parts.append(f'<text class="ink" x="{middle}" y="{top + plot + 17}" text-anchor="middle">{text(short)}</text>')
        counts = " | ".join(str(len(radii)) for radii in its)
        parts.append(f'<text x="{middle}" y="{top + plot + 33}" text-anchor="middle">{counts}</text>')
    told = "branches in truth | prediction" if len(kinds) > 1 else "branches"
    parts.append(f'<text x="0" y="{height - 5}">branch radius in mm; below the names, {told}</text>')
    wide = max(width, 350)
    return _svg(wide, height, parts, "Letter values of branch radii", f"min-width:{wide:g}px")


def _letter_boxes(radii: Sequence[float], kind: str, x: float, up) -> list[str]:  # type: ignore[no-untyped-def]
    if not len(radii):
        return []
    letters = letter_values(radii)
    depth = len(letters.lower)
    parts = []
    # From the tails inwards, so that the wide inner boxes lie on top.
    for level in reversed(range(depth)):
        half, shade = 12.5 * (1 - level / (depth + 0.5)), 1 - 0.62 * level / max(depth, 2)
        y, end = up(letters.upper[level]), up(letters.lower[level])
        place = f'x="{x - half:.1f}" y="{y:.1f}" width="{2 * half:.1f}" height="{max(end - y, _LOWEST_BOX):.1f}"'
        parts.append(f'<rect class="box-{kind}" {place} fill-opacity="{shade:.2f}"/>')
    middle = up(letters.median)
    if letters.upper[0] > letters.lower[0]:
        parts.append(f'<line class="median" x1="{x - 12.5}" x2="{x + 12.5}" y1="{middle:.1f}" y2="{middle:.1f}"/>')
    parts += [f'<circle class="outlier" cx="{x}" cy="{up(value):.1f}" r="1.5"/>' for value in letters.outliers]
    return parts


def _scale(low: float, high: float, first: float, last: float):  # type: ignore[no-untyped-def]
    """A function from values to places on the picture."""
    factor = (last - first) / (high - low) if high > low else 0.0
    return lambda value: first + (float(value) - low) * factor


def ticks(highest: float, whole: bool = False) -> list[float]:
    """Round numbers from 0 to at most `highest`, about four of them."""
    if highest <= 0:
        return [0.0]
    power = 10.0 ** np.floor(np.log10(highest / 4))
    step = next(power * one for one in _STEPS if power * one >= highest / 4.5)
    step = max(step, 1.0) if whole else step
    return [float(round(step * number, 12)) for number in range(int(highest / step + 1e-9) + 1)]


def _svg(width: float, height: float, parts: Sequence[str], label: str, style: str = "") -> str:
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    shape = f' style="{style}"' if style else ""
    return f'<svg {size}{shape} role="img" aria-label="{text(label)}">{join(parts)}</svg>'
