"""Learn from the folds of a run how its predictions are to be cleaned up.

    python clean_up.py --run runs/paper

Each fold's network segments the validation cases of its fold, which it did not see. Of every class or region of vessels
the threshold, the longest gap that is bridged (mm), the smallest piece (mm3) and the largest distance from the largest
piece (mm) are kept where they raise (Dice + clDice) / 2 on patients left out in turn by more than chance;
docs/training.md says how. What is kept stands in RUN/clean_up.json, and predict.py obeys it. Settings:
`python clean_up.py --help`.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from ramify.cleaning.choice import Choice
from ramify.cleaning.learning import held_out_of, learn
from ramify.command_line import parse, run
from ramify.console.progress import followed
from ramify.console.signals import saying_what_is_kept
from ramify.data.clean_up_note import CLEAN_UP
from ramify.disk.json_files import write_json
from ramify.disk.outputs import Outputs
from ramify.training.checkpoint import CheckpointName
from ramify.training.device import DeviceName
from ramify.training.inference import InferenceOverrides
from ramify.training.mirroring import AxisName


class CleanUpSettings(BaseModel, frozen=True, extra="forbid"):
    """Of which run, and how its networks predict."""

    run: Path
    """Folder of a run, with its folds."""
    cases: Path | None = None
    """Folder of its prepared cases, where they are not where the training had them."""
    weights: CheckpointName = "best"
    """Which checkpoint of each fold: the one that is to predict."""
    device: DeviceName = "auto"
    """Where to compute."""
    inference: InferenceOverrides = InferenceOverrides()
    """Window and overlap, where they are to be others than the training's."""
    mirror: tuple[AxisName, ...] = ()
    """Axes of which mirrored copies are segmented, too, as for predict.py."""
    replace: bool = False
    """Replace a clean_up.json that Ramify did not write, or that was changed since; it is kept as
    clean_up.json.backup-1 (-2, ...)."""


def main(argv: Sequence[str] | None = None) -> int:
    settings = parse(CleanUpSettings, "Learn how the predictions of a run are to be cleaned up.", argv)
    folds = held_out_of(settings.run, settings.weights, settings.cases)
    path = settings.run / CLEAN_UP
    kept = f"{path} is {'as it was' if path.exists() else 'not written'}; the same command begins anew"
    with saying_what_is_kept(lambda: kept), Outputs(replace=settings.replace) as outputs:
        outputs.claim_file(path, "clean-up")
        clean_up, choices = learn(
            folds,
            settings.weights,
            settings.device,
            settings.inference,
            settings.mirror,
            lambda cases: followed(cases, "clean-up", "case"),
        )
        write_json(path, clean_up.model_dump(mode="json"))
    for name, choice in choices.items():
        print("\n".join(told_of(name, choice)))
    print(
        f"{clean_up.in_words() or 'nothing helps on patients left out: predictions stay as they are'}; written: {path}"
    )
    return 0


def told_of(name: str, choice: Choice) -> list[str]:
    """What was found for one mask, a line a part, and its scores before and after."""
    lines = [f"{name}: gain of (Dice + clDice) / 2 on patients left out in turn"]
    for part in choice.parts:
        value = "none" if part.value is None else f"{part.value:g}"
        lines.append(f"  {part.name:<13} {value:>6}  {part.gain:+.4f}  p {part.p:.3f}  {'kept' if part.kept else '-'}")
    for measure, before in choice.before.items():
        lines.append(f"  {measure}: {before:.4f} as predicted, {choice.after[measure]:.4f} cleaned up")
    return lines


if __name__ == "__main__":
    run(main)
