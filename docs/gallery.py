"""Draw the pictures of the pages afresh from what the demo left: `make gallery`, after `make demo`.

    python docs/gallery.py --demo output/demo --output docs/images

Figures, the training's course and what TensorBoard shows are copied as their commands wrote them; the report, and the
page of a phantom's portal vein, are shown by a headless Chromium (`apt install chromium`), without which these pictures
stay as they are, and a line says so.
"""

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pydantic import BaseModel

from ramify.command_line import parse, run

if TYPE_CHECKING:
    from browser import Browser

WIDTH, HEIGHT = 1400, 1000
PHONE = (400, 860)
_GAP = 12
_READY = "[...document.querySelectorAll('details.case[open] .slices .picture img')].every((one) => one.hidden)"
_SOLID = "!document.querySelector('details.case[open] .viewer-note')"


class GalleryCommand(BaseModel, frozen=True, extra="forbid"):
    """Where the pictures come from, and where they go."""

    demo: Path = Path("output/demo")
    """Folder that demo.py wrote."""
    output: Path = Path("docs/images")
    """Folder of the pictures; those of the same names are replaced."""


def main() -> None:
    command = parse(GalleryCommand, __doc__)
    report = command.demo / "report.html"
    if not report.exists():
        raise FileNotFoundError(f"{report}: not there; make demo writes it")
    # Of this folder, which is on the path of the script alone.
    from browser import browser, installed_browser

    pictures = {**figures(command.demo), "validation.png": validation_picture(command.demo / "run" / "fold_0")}
    if chromium := installed_browser():
        with browser(chromium) as window:
            pictures |= screens(window, report)
            pictures["analysis.png"] = tree_screen(window)
    else:
        print("no Chromium here: the pictures of pages are not drawn", file=sys.stderr)
    command.output.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        put(content, command.output / name)
    print(f"{len(pictures)} pictures in {command.output}: {', '.join(sorted(pictures))}")


def put(picture: bytes, path: Path) -> None:
    """Write a picture in the place of an earlier one.

    Those of a checkout are nobody's but git's, which keeps them: commands that write for users would refuse.
    """
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(picture)
    temporary.replace(path)


def figures(demo: Path) -> dict[str, bytes]:
    """What preprocess.py and train.py drew."""
    found = {
        "phantom_scales.png": demo / "cases" / "figures" / "phantom_003.png",
        "branch_radii.png": demo / "cases" / "branch_radii.png",
        "progress.png": demo / "run" / "fold_0" / "progress.png",
    }
    return {name: path.read_bytes() for name, path in found.items()}


def validation_picture(run_folder: Path) -> bytes:
    """The last picture of a validation among a run's events, as TensorBoard shows it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(os.fspath(run_folder / "tensorboard"), size_guidance={"images": 0}).Reload()
    tag = events.Tags()["images"][0]
    picture: bytes = events.Images(tag)[-1].encoded_image_string
    return picture


def screens(window: "Browser", report: Path) -> dict[str, bytes]:
    """The report at a desk and on a phone, and the result of one case beside itself: a slice and the surfaces."""
    found = {}
    window.open(report, WIDTH, HEIGHT)
    show_case(window)
    found["report.png"] = beside([window.picture([0, 0, WIDTH, window.place_of("#details")[1]])])
    found["report_case.png"] = beside([window.picture(window.place_of("details.case[open]"))])
    found["report_slices.png"] = beside([window.picture(window.place_of("details.case[open] .slices", room=10))])
    window.run("document.querySelectorAll('.views').forEach((one) => { one.style.display = 'none'; })")
    slice_and_surfaces = [
        window.picture(window.place_of(f"details.case[open] {one}")) for one in (".slices .frame", ".viewer canvas")
    ]
    found["result.png"] = beside(slice_and_surfaces)
    window.open(report, *PHONE, dark=True)
    show_case(window)
    top = window.place_of("details.case[open]")[1]
    found["report_phone.png"] = beside(
        [window.picture([0, y, *PHONE]) for y in (0, top, window.place_of("details.case[open] .slices")[1] - 60)]
    )
    return found


def tree_screen(window: "Browser") -> bytes:
    """The page of an analysed tree, down to its diagram."""
    from tree_example import write_example

    with tempfile.TemporaryDirectory() as folder:
        window.open(write_example(Path(folder)), WIDTH, HEIGHT)
        window.run("document.querySelector('input[value=order]').click()")
        window.wait_for("!document.querySelector('.viewer-note')")
    top, charts = window.place_of("details.case")[1], window.place_of(".charts")[1]
    return beside([window.picture([40, top - 10, WIDTH - 80, charts - top])])


def show_case(window: "Browser") -> None:
    """Open the case in the middle between best and worst, and wait until it is drawn."""
    window.run(
        "(() => { const cases = [...document.querySelectorAll('details.case')];"
        " cases.forEach((one) => { one.open = false; });"
        " const middle = cases[Math.floor(cases.length / 2)]; middle.open = true;"
        " middle.querySelector('.viewer').scrollIntoView(); })()"
    )
    window.wait_for(_SOLID)
    window.run("document.querySelector('details.case[open] .slices').scrollIntoView()")
    window.wait_for(_READY)
    window.run("scrollTo(0, 0)")


def beside(pictures: list[bytes]) -> bytes:
    """Pictures side by side, as high as the lowest of them, in 256 colours: a third of the bytes."""
    opened = [Image.open(io.BytesIO(one)).convert("RGB") for one in pictures]
    height = min(one.height for one in opened)
    scaled = [one.resize((round(one.width * height / one.height), height), Image.Resampling.LANCZOS) for one in opened]
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    parts = [part for one in scaled for part in (np.asarray(one), gap)][:-1]
    content = io.BytesIO()
    Image.fromarray(np.concatenate(parts, axis=1)).quantize(256).save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    run(main)
