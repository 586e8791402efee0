"""A case's image in slices: grey values around organ or vessels, and on each what was found, missed and extra."""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ramify.data.lattice import copy_onto, place_on_lattice
from ramify.data.resample import resample_like
from ramify.data.unplaced import check_can_be_moved, laid_on
from ramify.data.volume import Volume
from ramify.drawing.projections import View, turned_to_viewer, views_of
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.stored import as_stored
from ramify.report.class_maps import ClassMaps
from ramify.report.grey_values import GreyValues, grey_values_of
from ramify.report.pictures import MOST_PIXELS
from ramify.report.settings import ReportSettings
from ramify.vessels.box import foreground_box

FOUND, RENAMED, WRONG, LOST = 1, 2, 3, 4
"""What a voxel of a slice is: found, found as another class, extra, missed. Where several become one the last shows."""
MOST_LABEL_PIXELS = 1024
"""Longest side of a slice's masks, which are finer than its grey values: a thin error must not be averaged away."""
ORGAN_ROOM_MM, VESSEL_ROOM_MM = 5.0, 15.0
_QUALITY = 80


@dataclass(frozen=True)
class CaseSlices:
    """The slices of a case; small, and fit to travel between processes.

    edge_letters: the patient's sides at the left, right, top and bottom edge; empty in 2D.
    width_mm, height_mm: extent of a slice.
    grey: what the 8 bits of the pictures mean, and how they are seen at first.
    pictures: JPEG, grey, one a slice, the nearest to the viewer (the feet's end) first.
    shape: of the masks: slices, rows, columns; they cover what the pictures cover.
    labels: the masks, uint8, deflated; 0, FOUND, RENAMED, WRONG or LOST.
    numbers: of the slices in the volume, from 1, counted from the viewer. total: how many the volume has.
    first: the one with most vessel, an index in `pictures`.
    covered: share of the voxels around organ or vessels where there is an image, in [0, 1].
    """

    edge_letters: tuple[str, ...]
    width_mm: float
    height_mm: float
    grey: GreyValues
    pictures: tuple[bytes, ...]
    shape: tuple[int, int, int]
    labels: bytes
    numbers: tuple[int, ...]
    total: int
    first: int
    covered: float = 1.0

    def masks(self) -> NDArray[np.uint8]:
        """The masks, (slices, rows, columns)."""
        return np.frombuffer(zlib.decompress(self.labels), dtype=np.uint8).reshape(self.shape)


def cut_slices(
    prediction: MaskAnalysis,
    target: MaskAnalysis,
    image: Volume,
    place: Volume,
    settings: ReportSettings | None = None,
    around: NDArray[np.bool_] | None = None,
    classes: ClassMaps | None = None,
) -> CaseSlices | None:
    """The axial slices of a case's image, or the image in 2D, brought onto the masks' grid; None without any vessel.

    Args:
        prediction, target: analyses of masks on the grid of `place`.
        image: of the same patient, on any grid.
        place: the volume that says where the masks' grid lies.
        settings: how many slices, how large, and the window.
        around: bool (*S), the organ, which is shown whole; None: what the masks hold.
        classes: of label maps, on the grid of `place`.

    Raises:
        ValueError: an image of another number of dimensions, that does not lie on the masks, or whose place is not
            known.

    Examples:
        >>> from dataclasses import replace
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.metrics import MaskAnalysis
        >>> from ramify.report import cut_slices, view_case
        >>> mask = np.zeros((12, 12), bool)
        >>> mask[5:8, 2:10] = True
        >>> analysis, image = MaskAnalysis(mask, (1.0, 1.0)), Volume(np.arange(144.0).reshape(12, 12), (1.0, 1.0))
        >>> slices = cut_slices(analysis, analysis, image, image)
        >>> slices.shape, slices.total
        ((1, 12, 12), 1)
        >>> view = replace(view_case(analysis, analysis, image), slices=slices)  # for write_report
    """
    settings = settings or ReportSettings()
    prediction, target = as_stored(prediction, target)
    if prediction.is_empty and target.is_empty:
        return None
    box = _shown_box(prediction, target, around)
    view = views_of(place.direction)[0]
    labels = turned_to_viewer(_labels(prediction, target, box, classes), view)
    grey = turned_to_viewer(_in_box(image, place, box), view)
    if view.axis is None:
        labels, grey = labels[None], grey[None]
    chosen, first = _chosen(labels, settings.slices_each)
    meaning, covered = grey_values_of(image.array, grey, settings.window), 1 - float(np.isnan(grey).mean())
    most = settings.slice_pixels if place.ndim == 3 else MOST_PIXELS
    shape = tuple(side.stop - side.start for side in box)
    drawn = np.stack([_reduced(labels[number]) for number in chosen])
    return CaseSlices(
        edge_letters=view.edge_letters,
        width_mm=view.width(shape, place.spacing_mm),
        height_mm=view.height(shape, place.spacing_mm),
        grey=meaning,
        pictures=tuple(_jpeg(meaning.as_bytes(grey[number]), most) for number in chosen),
        shape=(len(chosen), *drawn.shape[1:]),
        labels=zlib.compress(drawn.tobytes(), 9),
        numbers=_numbers(chosen, view, box, place.shape),
        total=1 if view.axis is None else place.shape[view.axis],
        first=first,
        covered=covered,
    )


def _shown_box(prediction: MaskAnalysis, target: MaskAnalysis, around: NDArray[np.bool_] | None) -> tuple[slice, ...]:
    """Around the organ or both masks, with a little room, within the volume."""
    whole, room_mm = (around, ORGAN_ROOM_MM) if around is not None else (prediction.mask | target.mask, VESSEL_ROOM_MM)
    return tuple(
        slice(max(0, side.start - more), min(size, side.stop + more))
        for side, size, more in zip(
            foreground_box(whole), target.shape, (round(room_mm / step) for step in target.spacing_mm), strict=True
        )
    )


def _labels(
    prediction: MaskAnalysis, target: MaskAnalysis, box: tuple[slice, ...], classes: ClassMaps | None
) -> NDArray[np.uint8]:
    """What each voxel of the box is."""
    truth, predicted = target.mask[box], prediction.mask[box]
    labels = np.zeros(truth.shape, dtype=np.uint8)
    labels[truth & predicted] = FOUND
    if classes is not None:
        labels[truth & predicted & (classes.truth[box] != classes.prediction[box])] = RENAMED
    labels[predicted & ~truth] = WRONG
    labels[truth & ~predicted] = LOST
    return labels


def _in_box(image: Volume, place: Volume, box: tuple[slice, ...]) -> NDArray[np.float32]:
    """The image at the voxels of a box of the masks' grid, float32; NaN where it does not reach."""
    if image.ndim != place.ndim:
        raise ValueError(
            f"the image has {image.ndim} dimensions and the masks have {place.ndim}; give their own images"
        )
    if image.shape != place.shape:
        check_can_be_moved(image, "the image")
        check_can_be_moved(place, "the truth")
    image, place = laid_on(image, place), laid_on(place, image)
    shape = tuple(side.stop - side.start for side in box)
    origin = tuple(place.world_mm([[side.start for side in box]])[0].tolist())
    # No memory: the grid and where the image reaches are asked for their place alone.
    grid = Volume(np.broadcast_to(np.uint8(0), shape), place.spacing_mm, origin, place.direction)
    reach = image.with_array(np.broadcast_to(np.True_, image.shape))
    where = place_on_lattice(image, grid)
    if where is None:
        sampled, inside = resample_like(image, grid, "linear").array, resample_like(reach, grid, "nearest").array
    else:
        sampled, inside = copy_onto(image, grid, where), copy_onto(reach, grid, where)
    if not inside.any():
        raise ValueError(
            f"the image lies elsewhere than the masks: {image.describe_geometry()} beside "
            f"{place.describe_geometry()}; correct the origin in its header"
        )
    return np.where(inside, sampled.astype(np.float32, copy=False), np.float32(np.nan))


def _chosen(labels: NDArray[np.uint8], most: int) -> tuple[range, int]:
    """Every slice, or every n-th of too many, and which of them has most vessel."""
    step = -(-len(labels) // most)
    chosen = range((len(labels) - 1) % step // 2, len(labels), step)
    held = [np.count_nonzero(labels[number]) for number in chosen]
    return chosen, int(np.argmax(held))


def _numbers(chosen: Sequence[int], view: View, box: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers in the volume, from 1 at the viewer, of slices of the box."""
    if view.axis is None:
        return (1,)
    side, size = box[view.axis], shape[view.axis]
    before = size - side.stop if view.axis in view.flipped else side.start
    return tuple(before + number + 1 for number in chosen)


def _reduced(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels (h, w) of no more than `MOST_LABEL_PIXELS` a side: of a block's labels, the largest."""
    times = -(-max(labels.shape) // MOST_LABEL_PIXELS)
    if times == 1:
        return labels
    from skimage.measure import block_reduce

    blocks: NDArray[np.uint8] = block_reduce(labels, times, np.max)
    return blocks


def _jpeg(grey: NDArray[np.uint8], most: int) -> bytes:
    """A slice as a file, averaged down to a longest side. WebP would keep 219 of 256 grey values."""
    picture = Image.fromarray(grey)
    times = max(picture.size) / most
    if times > 1:
        width, height = (max(1, round(side / times)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BOX)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return content.getvalue()
