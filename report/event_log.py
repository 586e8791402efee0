"""A report's numbers and pictures as TensorBoard events, to stand beside those of the training."""

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ramify.disk.atomic_files import write_whole
from ramify.disk.own_files import remove
from ramify.drawing.colours import BACKDROP
from ramify.report.case_view import CaseView
from ramify.report.page import rank_cases
from ramify.report.settings import ReportSettings

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = "evaluation"
_GAP = 4


def log_report(
    run: Path | str, report: Mapping[str, Any], views: Mapping[str, CaseView], settings: ReportSettings | None = None
) -> Path:
    """Write the means of all measures and the projections of the worst cases into a folder of TensorBoard events.

    The first row of a picture is the truth, then the prediction, then the error; a column a direction.

    Args:
        run: folder of a training run, or any other; events go to `evaluation` in it, in place of
            older ones of Ramify's.
        report, views, settings: as for `report.page.write_report`.

    Returns:
        the folder of the events.

    Raises:
        OSError: the folder cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.metrics import build_report, evaluate_case
        >>> from ramify.report import log_report
        >>> mask = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(mask, mask, (1.0, 1.0))}, failed={}, versions={})
        >>> log_report(Path("run"), report, views={}).as_posix()
        'run/evaluation'
    """
    run = Path(run)
    # Imported here: it loads torch, and nothing else in an evaluation does.
    from torch.utils.tensorboard import SummaryWriter

    settings = settings or ReportSettings()
    folder = run / FOLDER
    ranked, _ = rank_cases(report, settings.sort_by)
    # Elsewhere at first: what is half done never stands among the events.
    with tempfile.TemporaryDirectory() as scratch:
        writer = SummaryWriter(scratch)
        try:
            for measure in report["measures"]:
                mean = report["summary"][measure]["mean"]
                if mean is not None:
                    writer.add_scalar(f"evaluation/{measure}", mean, 0)
            for case_id in [one for one in ranked if one in views and views[one].pictures][: settings.cases]:
                writer.add_image(f"evaluation/{case_id}", join_pictures(views[case_id]), 0, dataformats="HWC")
        finally:
            writer.close()
        events = {path.name: path.read_bytes() for path in Path(scratch).iterdir()}
    for older in folder.glob("events.out.tfevents.*"):
        remove(older)
    for name, content in events.items():
        write_whole(folder / name, content)
    return folder


def join_pictures(view: CaseView) -> NDArray[np.uint8]:
    """The pictures of a case in one, uint8 (h, w, 3), pixels square in millimetres; it must have pictures."""
    sizes = [(pictures.width_mm, pictures.height_mm) for pictures in view.pictures]
    decoded = {
        kind: [_decoded(getattr(pictures, kind)) for pictures in view.pictures]
        for kind in ("truth", "prediction", "error")
    }
    # One scale for all of them: the finest side of any pixel.
    shapes = [picture.size for picture in decoded["truth"]]
    side = min(mm / pixels for size, shape in zip(sizes, shapes) for mm, pixels in zip(size, shape))
    wanted = [(max(1, round(width / side)), max(1, round(height / side))) for width, height in sizes]
    rows = []
    for pictures in decoded.values():
        square = [picture.resize(size, resample=0) for picture, size in zip(pictures, wanted)]
        rows.append(_beside([np.asarray(picture, dtype=np.uint8) for picture in square], axis=1))
    return _beside(rows, axis=0)


def _decoded(picture: bytes) -> "Image":
    from PIL import Image

    return Image.open(io.BytesIO(picture)).convert("RGB")


def _beside(pictures: list[NDArray[np.uint8]], axis: int) -> NDArray[np.uint8]:
    """Pictures one after the other along an axis, a gap behind each, on a ground as wide as the widest."""
    across = 1 - axis
    widest = max(picture.shape[across] for picture in pictures)
    padded = []
    for picture in pictures:
        shape = list(picture.shape)
        shape[axis] += _GAP
        shape[across] = widest
        ground = np.empty(shape, dtype=np.uint8)
        ground[:] = BACKDROP
        ground[: picture.shape[0], : picture.shape[1]] = picture
        padded.append(ground)
    return np.concatenate(padded, axis=axis)
