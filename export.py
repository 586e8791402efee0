"""Write a trained network for other programs: as ONNX, or as a MONAI bundle; or slim, for prediction alone.

    python export.py --checkpoint runs/paper/fold_0 --onnx vessels.onnx
    python export.py --checkpoint runs/paper/fold_0 --bundle bundles/vessels
    python export.py --checkpoint runs/paper/fold_0 --slim vessels.pt

Either holds the part of the network that prediction needs, probabilities at its end, and how images are prepared for
it. ONNX needs onnx and onnxscript, and is held against torch where onnxruntime is installed. A bundle is for networks
of volumes; MONAI and MONAI Label, and so 3D Slicer, run it without Ramify. docs/monai.md says more.
"""

from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.exporting.settings import ExportCommand


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(ExportCommand, __doc__, argv)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.export import export

    export(command)
    return 0


if __name__ == "__main__":
    run(main)
