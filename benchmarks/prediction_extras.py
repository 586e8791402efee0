"""What an ensemble, mirrored copies, a learned clean-up and bridges add on phantoms that no network saw.

    python -m benchmarks.prediction_extras --output output/prediction_extras

Five folds of a small network train on phantoms, `clean_up.py` learns from their validation cases, and all of them
segment the same held-out phantoms. The first fold alone is what everything else is compared with, phantom by phantom.
Networks, clean-up and phantoms that OUTPUT has already are kept.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from ramify import clean_up, compare, evaluate, preprocess, train
from ramify.command_line import parse, run
from ramify.console.progress import followed
from ramify.data.adapters.form_settings import PhantomDatasetSettings
from ramify.data.case_store import read_dataset
from ramify.data.clean_up_note import CLEAN_UP
from ramify.data.files import read_mask, read_volume, write_volume
from ramify.demo import write_held_out
from ramify.training.clean_up import CleanUp, MaskRule
from ramify.training.names import AxisName
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints

MEASURES = ("dice", "cldice", "betti0_error", "hd95_mm")
FOLDS = 5


class PredictionExtrasCommand(BaseModel, frozen=True, extra="forbid"):
    """How much is trained and predicted."""

    output: Path
    """Folder of everything that is made."""
    phantoms: int = Field(20, ge=10)
    """That the folds are made of."""
    held_out: int = Field(16, ge=2)
    """That no network sees."""
    epochs: int = Field(32, ge=1)
    """Of each fold, of twelve steps."""


def main(argv: Sequence[str] | None = None) -> int:
    """Train, learn, predict in each way, and print the differences."""
    command = parse(PredictionExtrasCommand, "What an ensemble, mirroring, clean-up and bridges add.", argv)
    cases, trained, raw = command.output / "cases", command.output / "run", command.output / "held_out"
    of_cases = ["--config", "configs/preprocessing/demo.yaml", "--phantom.cases", str(command.phantoms)]
    preprocess.main([*of_cases, "--folds.folds", str(FOLDS), "--output", str(cases)])
    for fold in range(FOLDS):
        if not (trained / f"fold_{fold}" / "checkpoints" / "final.pt").exists():
            _train(command, cases, trained, fold)
    if not (trained / CLEAN_UP).exists():
        clean_up.main(["--run", str(trained), "--weights", "final"])
    if not raw.exists():
        write_held_out(PhantomDatasetSettings.model_validate(read_dataset(cases)["phantom"]), command.held_out, raw)

    learned = CleanUp.of_run(trained)
    assert learned is not None, "it was learned above"
    print(f"learned: {learned.in_words() or 'nothing'}")
    predictors = ways(trained, learned)
    for name, predictor in predictors.items():
        _predict(predictor, raw, command.output / "predictions" / name, name)
        words = ["--prediction", str(command.output / "predictions" / name), "--truth", str(raw / "vessels")]
        words += ["--organ", str(raw / "organs"), "--output", str(command.output / "scores" / name)]
        evaluate.main([*words, "--measures", "overlap", "surface", "centreline", "topology"])
    results = [f"{name}={command.output / 'scores' / name}" for name in predictors]
    compared = ["--output", str(command.output / "comparison"), "--measures", *MEASURES]
    return compare.main(["--results", *results, *compared])


def ways(trained: Path, learned: CleanUp) -> Mapping[str, Predictor]:
    """Each way to predict, by its name."""
    every = find_checkpoints(trained, "final")
    one = every[:1]
    axes: tuple[AxisName, ...] = ("z", "y", "x")
    bridges = learned.model_copy(update={"rules": {"vessels": MaskRule(bridge_mm=10)}})
    return {
        "one network": Predictor(one),
        "mirrored": Predictor(one, mirror=axes),
        "ensemble": Predictor(every),
        "cleaned up": Predictor(one, clean_up=learned),
        "bridged": Predictor(one, clean_up=bridges),
        "all": Predictor(every, mirror=axes, clean_up=learned),
    }


def _train(command: PredictionExtrasCommand, cases: Path, trained: Path, fold: int) -> None:
    words = ["--config", "configs/demo.yaml", "--cases", str(cases), "--output", str(trained), "--fold", str(fold)]
    words += ["--model.tasks.auxiliary", "none", "--model.contrast.head", "none", "--resume"]
    train.main([*words, "--train.epochs", str(command.epochs), "--seed", str(fold)])


def _predict(predictor: Predictor, raw: Path, folder: Path, name: str) -> None:
    for path in followed(sorted((raw / "images").glob("*.nii.gz")), name, "case"):
        prediction = predictor.predict(read_volume(path), read_mask(raw / "organs" / path.name))
        write_volume(folder / path.name, prediction.mask)


if __name__ == "__main__":
    run(main)
