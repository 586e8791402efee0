"""The whole method on phantoms, in minutes on two CPU cores: `make demo`.

    python demo.py --output output/demo

Runs the stages as anybody would run them, prints each command, and closes with the scores of phantoms the network never
saw, beside those of a plain intensity threshold. Started again after an interruption, it goes on where it stopped.
"""

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

from pydantic import BaseModel, Field

from ramify.command_line import parse, run
from ramify.console.progress import followed
from ramify.data.adapters.form_settings import PhantomDatasetSettings
from ramify.data.case_store import read_dataset
from ramify.disk.outputs import Outputs
from ramify.processes.folder_lock import held

FIRST_HELD_OUT_SEED = 100_000
MEASURES = ("dice", "cldice", "tprec", "tsens", "hd95_mm")


class DemoCommand(BaseModel, frozen=True, extra="forbid"):
    """Where the demonstration goes."""

    output: Path = Path("output/demo")
    """Folder of everything the demonstration writes."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    held_out: int = Field(4, ge=1)
    """Phantoms to segment that the network never saw."""


def main() -> None:
    command = parse(DemoCommand, __doc__)
    with Outputs(replace=command.replace) as outputs:
        outputs.claim_folder(command.output, "demo")
        with held(command.output, "demo.py"):
            run_stages(command.output, command.held_out, ("--replace",) if command.replace else ())


def run_stages(output: Path, held_out: int, flags: tuple[str, ...]) -> None:
    """All stages, as far as they are not done, and their scores."""
    began = time.monotonic()
    cases, raw, scores = output / "cases", output / "held_out", output / "scores"
    masks, thresholded = output / "predictions", output / "threshold"
    ct = ("--input", raw / "images", "--organ", raw / "organs")
    # A validation looks at a case once, in a quarter of the time; overlapping windows, as in the training, see more.
    once, overlapping = (("--inference.window", *(str(side),) * 3) for side in (64, 32))
    truth = ("--truth", raw / "vessels", "--organ", raw / "organs")

    stage("preprocess.py", "--config", "configs/preprocessing/demo.yaml", "--output", cases, *flags)
    write_held_out(PhantomDatasetSettings.model_validate(read_dataset(cases)["phantom"]), held_out, raw)
    training = ("--config", "configs/demo.yaml", "--cases", cases, "--output", output / "run", *once)
    stage("train.py", *training, "--resume", *flags)
    stage("predict.py", "--checkpoint", output / "run", *ct, "--output", masks, *overlapping, *flags)
    page = ("--report", output / "report.html", "--image", raw / "images")
    stage("evaluate.py", "--prediction", masks, *truth, "--output", scores / "network", *page, *flags)
    stage("-m", "benchmarks.threshold", "--cases", cases, *ct, "--output", thresholded, *flags)
    stage("evaluate.py", "--prediction", thresholded, *truth, "--output", scores / "threshold", *flags)

    print(f"\n{held_out} held-out phantoms, mean:")
    print(f"{'':20}" + "".join(f"{name:>10}" for name in MEASURES))
    for name, folder in (("network", "network"), ("best threshold", "threshold")):
        summary = json.loads((scores / folder / "metrics.json").read_text(encoding="utf-8"))["summary"]
        print(f"{name:20}" + "".join(f"{summary[measure]['mean']:10.3f}" for measure in MEASURES))
    print(f"\nmasks: {masks}; table: {scores / 'network' / 'metrics.csv'}")
    python = shlex.quote(sys.executable)
    print("\nlook at next:")
    print(f"1. {output / 'report.html'}, in a browser: scores, surfaces to rotate, the CTs' slices under the errors")
    print(f"2. {cases / 'figures'}: each phantom and its scales")
    print(f"   {output / 'run' / 'fold_0' / 'progress.png'}: the course of the training; more of it:")
    print(f"   {python} -m tensorboard.main --logdir {output / 'run'}")
    print(f"3. your own data: {python} preprocess.py --dataset pairs --root FOLDER --check")
    print("   with FOLDER/images and FOLDER/labels; docs/data.md has other layouts, docs/cookbook.md the next commands")
    print(f"took {(time.monotonic() - began) / 60:.1f} minutes")


def stage(*words: str | Path) -> None:
    """Run a stage as a command of its own, and stop where it fails."""
    arguments = [str(word) for word in words]
    print(f"\n$ python {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, *arguments], cwd=Path(__file__).parent)
    if done.returncode:
        raise ValueError(f"{arguments[0]} failed with exit code {done.returncode}; its message stands above")


def write_held_out(settings: PhantomDatasetSettings, count: int, folder: Path) -> None:
    """Write phantoms of the same kind and other seeds as a hospital would give them: CTs and masks as NIfTI."""
    from ramify.data.adapters.phantom import PhantomAdapter
    from ramify.data.files import write_volume

    others = PhantomAdapter(settings.model_copy(update={"cases": count, "first_seed": FIRST_HELD_OUT_SEED}))
    for case_id in followed(others.case_ids(), "held-out phantoms", "case"):
        case = others.load(case_id)
        for kind, volume in (("images", case.image), ("organs", case.organ), ("vessels", case.vessels)):
            assert volume is not None, "phantoms have an organ"
            write_volume(folder / kind / f"{case_id}.nii.gz", volume)


if __name__ == "__main__":
    run(main)
