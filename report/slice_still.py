"""One slice with truth and errors as a plain picture: what is seen where no script runs, and until one does."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ramify.drawing.colours import AGREEING, EXTRA, MISNAMED, MISSED, Colour
from ramify.report.slices import FOUND, LOST, RENAMED, WRONG, CaseSlices

COLOURS: dict[int, Colour] = {FOUND: AGREEING, RENAMED: MISNAMED, WRONG: EXTRA, LOST: MISSED}
"""Of a label: of its outline, and of its filling unless it was found. report/slices.js paints the same."""
FILLING = 0.45
_CASING = 0.6
_LEAST_PIXELS = 480
_QUALITY = 85


def draw_still(slices: CaseSlices) -> bytes:
    """The slice with most vessel, through the window at first, as WebP."""
    labels = slices.masks()[slices.first]
    times = max(1, -(-_LEAST_PIXELS // max(labels.shape)))
    labels = labels.repeat(times, axis=0).repeat(times, axis=1)
    kept = np.asarray(Image.open(io.BytesIO(slices.pictures[slices.first])))
    grey = Image.fromarray(slices.grey.seen(kept)).resize(labels.shape[::-1], Image.Resampling.BILINEAR)
    picture = np.repeat(np.asarray(grey, dtype=float)[..., None], 3, axis=2)
    truth, wrong = np.isin(labels, (FOUND, RENAMED, LOST)), labels == WRONG
    edges = outline(truth) | outline(wrong)
    # A dark line beside it: grey would be lost on a bright vessel.
    picture[outline(~truth) & ~wrong] *= 1 - _CASING
    for label, colour in COLOURS.items():
        here = labels == label
        if label != FOUND:
            picture[here] += FILLING * (np.array(colour) - picture[here])
        picture[here & edges] = colour
    content = io.BytesIO()
    Image.fromarray(np.round(picture).astype(np.uint8)).save(content, "WEBP", quality=_QUALITY)
    return content.getvalue()


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a mask (h, w) with an edge neighbour outside of it."""
    inner: NDArray[np.bool_] = ndimage.binary_erosion(mask)
    return mask & ~inner
