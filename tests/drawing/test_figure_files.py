import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from ramify.drawing.figure_files import DOTS_PER_INCH, figure_bytes, write_figure


def drawn() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1], [0, 1])
    return figure


def test_a_figure_is_drawn_in_its_size_on_white_whatever_the_screen(monkeypatch):
    # A backend that could not draw: none is asked for.
    monkeypatch.setitem(matplotlib.rcParams, "backend", "tkagg")
    picture = Image.open(io.BytesIO(figure_bytes(drawn())))
    assert picture.size == (2 * DOTS_PER_INCH, DOTS_PER_INCH)
    pixels = np.asarray(picture.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    assert pixels.min() < 50


def test_the_same_figure_is_the_same_file(tmp_path):
    write_figure(drawn(), tmp_path / "figures" / "a.png")
    assert (tmp_path / "figures" / "a.png").read_bytes() == figure_bytes(drawn())
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["a.png"]
