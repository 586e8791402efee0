"""Lines that take the colours that a page's reader chooses, by style alone: no script is needed."""

from collections.abc import Sequence

from ramify.analysis.page.paints import Paint
from ramify.drawing.colours import as_hex
from ramify.report.markup import join, text

NAMES = ("radius", "order", "generation", "scale", "tree", "system")
"""Of all paints there are."""


def painted_path(paints: Sequence[Paint], classes: Sequence[int], way: str, width: float, title: str = "") -> str:
    """A path of SVG of branches in those classes, one of each paint; title: what is told of it where the mouse is."""
    names = " ".join(f"{paint.name}-{number}" for paint, number in zip(paints, classes, strict=True))
    drawn = f'<path class="{names}" d="{way}" stroke-width="{width:.1f}"'
    return f"{drawn}><title>{text(title)}</title></path>" if title else f"{drawn}/>"


def palette(paints: Sequence[Paint]) -> str:
    """The colours of all classes as properties, for the attribute `style` of what holds the paths."""
    return ";".join(
        f"--{paint.name}-{number}:{as_hex(colour)}" for paint in paints for number, colour in enumerate(paint.colours)
    )


def chooser(paints: Sequence[Paint], anchor: str) -> str:
    """What is chosen from: a button for each paint, and of the chosen one its classes, to show and to hide.

    anchor: a name of its own for each chooser of a page.
    """
    ways = join(
        f'<label><input type="radio" name="{anchor}-paint" value="{paint.name}"{"" if number else " checked"}>'
        f"{text(paint.title)}</label>"
        for number, paint in enumerate(paints)
    )
    legends = join(
        f'<div class="classes of-{paint.name}" role="group" aria-label="{text(paint.title)}">'
        + join(_class(paint, number) for number in range(len(paint.labels)))
        + "</div>"
        for paint in paints
    )
    return f'<div class="chooser"><div class="ways"><span class="quiet">Colours by</span>{ways}</div>{legends}</div>'


def _class(paint: Paint, number: int) -> str:
    name = f"{paint.name}-{number}"
    return (
        f'<label><input type="checkbox" value="{name}" checked>'
        f'<i class="swatch" style="--swatch:var(--{name})"></i>{text(paint.labels[number])}</label>'
    )


def painting_style(most_classes: int) -> str:
    """Rules that give the paths the colours of the chosen paint, show its legend, and hide what is not ticked."""
    rules = []
    for name in NAMES:
        chosen = f".paint:has(input[value={name}]:checked)"
        rules.append(f"{chosen} .of-{name} {{ display: flex; }}")
        for number in range(most_classes):
            one = f"{name}-{number}"
            rules.append(f"{chosen} path.{one} {{ stroke: var(--{one}); }}")
            hidden = f".paint:has(input[value={name}]:checked):has(input[value={one}]:not(:checked))"
            rules.append(f"{hidden} path.{one} {{ display: none; }}")
    return join([*rules, ""])
