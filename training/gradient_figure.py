"""Course of each loss term's gradient over a training, as a picture."""

from collections.abc import Mapping, Sequence

import numpy as np

from ramify.drawing.colours import RULE
from ramify.drawing.figure_files import figure_bytes

PLACES = {"probabilities": "by the probabilities", "logits": "by the logits", "encoder": "by the shared encoder"}
KINDS = {"norm": "norm", "cosine": "cosine with Dice + cross-entropy"}


def gradient_courses(history: Sequence[Mapping[str, float]]) -> bytes | None:
    """Norm and cosine of every term over the epochs, a column a place, as a PNG; None if never looked at."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(key for row in history for key in row if key.startswith("gradient/")))
    places = [place for place in PLACES if any(name.startswith(f"gradient/{place}/") for name in names)]
    if not places:
        return None
    terms = list(dict.fromkeys(name.split("/", 2)[2].rpartition("/")[0] for name in names))
    figure = Figure(figsize=(4.6 * len(places), 6.4), layout="constrained")
    axes = figure.subplots(len(KINDS), len(places), sharex=True, sharey="row", squeeze=False)
    for axis, (kind, place) in zip(axes.flat, ((kind, place) for kind in KINDS for place in places)):
        for number, term in enumerate(terms):
            key = f"gradient/{place}/{term}/{kind}"
            course = [(row["epoch"], row[key]) for row in history if key in row]
            if course:
                epochs, values = np.array(course).T
                axis.plot(epochs, values, color=f"C{number % 10}", ls="-" if number < 10 else "--", label=term)
        axis.spines[["top", "right"]].set_visible(False)
        if kind == "norm":
            axis.set_yscale("log")
            axis.set_title(PLACES[place], fontsize=10)
        else:
            axis.set_ylim(-1.05, 1.05)
            axis.axhline(0, color=RULE, lw=0.8, zorder=0)
            axis.set_xlabel("epoch")
    for row, kind in zip(axes, KINDS):
        row[0].set_ylabel(KINDS[kind])
    handles, labels = max((axis.get_legend_handles_labels() for axis in axes.flat), key=lambda found: len(found[1]))
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False, fontsize=8)
    return figure_bytes(figure)
