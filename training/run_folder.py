"""The folder of one training: what stands where, and whether it may be written.

run/fold_0/
    config.yaml         every setting as it was resolved; train.py --config takes it
    run.json            versions, commit, seed, cases of the fold and digests of their arrays
    plan.json           what --auto chose and why, if it was asked to
    history.csv         one row an epoch
    validation.csv      one row a validated case and epoch
    timing.csv          seconds and memory of each epoch
    progress.png        losses, validation scores and learning rate over the epochs
    validation/         masks of the last validation on the grids of the images, if they were asked for
    gradients.png       course of each loss term's gradient, if it was looked at
    checkpoints/        latest.pt, best.pt, final.pt
    tensorboard/        event files

What is measured, timing.csv, stands by itself and in no checkpoint. All other tables, pictures and weights of a
training that was killed and gone on with are those of one that ran through, byte for byte.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from ramify.console.csv_text import csv_of_records, csv_text
from ramify.data.case_record import table_as_json
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import read_json, to_json
from ramify.disk.outputs import Outputs, give_up
from ramify.disk.own_files import remove
from ramify.planning.choices import Choice
from ramify.processes.folder_lock import held
from ramify.tasks.class_table import ClassTable
from ramify.training.checkpoint import load_checkpoint
from ramify.training.checkpoint_record import CaseDescription, Checkpoint, StartRecord
from ramify.training.names import CheckpointName
from ramify.training.settings import RunSettings
from ramify.training.shipped_weights import shipped_or_missing

PLAN_FILE = "plan.json"
TIMING_FILE = "timing.csv"
FOLD_NAME = re.compile(r"fold_(\d+|all)")
"""Others, such as fold_0_old, were put there by hand."""
_SHOWN_RUNS = 5


@dataclass(frozen=True)
class RunFolder:
    """Paths in the folder of one training."""

    root: Path

    @property
    def tensorboard(self) -> Path:
        """Folder of event files."""
        return self.root / "tensorboard"

    def checkpoint(self, name: CheckpointName) -> Path:
        """Path of a checkpoint, there or not."""
        return self.root / "checkpoints" / f"{name}.pt"

    def write_config(self, settings: RunSettings) -> None:
        """Write config.yaml; also of a training that goes on, which may be for other epochs."""
        config = settings.model_copy(update={"resume": False, "replace": False}).model_dump(mode="json")
        write_whole(self.root / "config.yaml", yaml.safe_dump(config, sort_keys=False))

    def write_description(self, settings: RunSettings, of: CaseDescription, start: StartRecord | None = None) -> None:
        """Write run.json: seed, fold, its cases, what each of them is, channels, classes, their source, versions, and
        whose weights it began with, where they were another training's."""
        table = table_as_json(ClassTable.model_validate(of["classes"]))
        cases = {"cases": of["cases"], "identities": of["identities"], "channels": of["channels"], "classes": table}
        began = {"seed": settings.seed, "fold": settings.fold, "source": of["source"]}
        description = {**began, **cases, **({"start": start} if start else {}), "versions": versions()}
        write_whole(self.root / "run.json", to_json(description))

    def write_plan(self, choices: Iterable[Choice]) -> None:
        """Write plan.json: what was chosen, and why; where nothing was, one of a training that came to nothing goes."""
        chosen = [choice._asdict() for choice in choices]
        if chosen:
            write_whole(self.root / PLAN_FILE, to_json({"chosen": chosen}))
        else:
            remove(self.root / PLAN_FILE)

    def read_plan(self) -> list[Choice] | None:
        """What was chosen when the training began; None where nothing was. Raises ValueError for a damaged file."""
        path = self.root / PLAN_FILE
        if not path.is_file():
            return None
        try:
            return [Choice(**choice) for choice in read_json(path)["chosen"]]
        except (KeyError, TypeError):
            raise ValueError(f"{path}: is not what train.py wrote; remove it to plan anew") from None

    def write_history(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write history.csv: one row an epoch, a column for each value any epoch has."""
        write_whole(self.root / "history.csv", csv_of_records(history))

    def write_case_scores(self, rows: Sequence[Mapping[str, float | str]], segmented: Sequence[str]) -> None:
        """Write validation.csv: one row a validated case and epoch, with the scores over all and of each of `segmented`
        where they are several; nothing where a mask is in neither truth nor prediction."""
        several = segmented if len(segmented) > 1 else ()
        header = ["epoch", "case", "dice", "cldice"]
        header += [f"{measure}/{name}" for name in several for measure in ("dice", "cldice")]
        content = csv_text(header, ([row.get(column) for column in header] for row in rows))
        write_whole(self.root / "validation.csv", content)

    def write_timing(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write timing.csv: one row an epoch."""
        write_whole(self.root / TIMING_FILE, csv_of_records(rows))

    def read_timing(self, epochs: int) -> list[dict[str, object]]:
        """The rows of timing.csv of so many first epochs, as they stand there; none without the file.

        Raises ValueError or OSError for a file that cannot be read.
        """
        path = self.root / TIMING_FILE
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as stream:
            return [dict(row) for row in csv.DictReader(stream) if float(row["epoch"]) < epochs]

    def write_progress(self, picture: bytes) -> None:
        """Write progress.png."""
        write_whole(self.root / "progress.png", picture)

    def write_gradients(self, picture: bytes) -> None:
        """Write gradients.png."""
        write_whole(self.root / "gradients.png", picture)


def folder_of(settings: RunSettings) -> RunFolder:
    """The folder of a training."""
    return RunFolder(settings.output / f"fold_{settings.fold}")


def claim_run(settings: RunSettings) -> RunFolder:
    """Make the folder of a training Ramify's; raises as `Outputs` does."""
    folder = folder_of(settings)
    outputs, files = _outputs_of(settings, folder)
    outputs.claim_folder(folder.root, "run", files)
    return folder


def check_run(settings: RunSettings) -> None:
    """What `claim_run` refuses, and no more."""
    folder = folder_of(settings)
    outputs, files = _outputs_of(settings, folder)
    outputs.check_folder(folder.root, "run", files)


def _outputs_of(settings: RunSettings, folder: RunFolder) -> tuple[Outputs, list[str]]:
    """What a training reads, and the files that it may write in its folder."""
    files = ["history.csv", "validation.csv", TIMING_FILE, "progress.png", "gradients.png"]
    files += [f"checkpoints/{name}.pt" for name in get_args(CheckpointName)]
    if not (settings.resume and folder.checkpoint("latest").exists()):
        # Written where a training begins; to go on from a config.yaml with more epochs in it is no harm to it.
        files += ["config.yaml", "run.json", PLAN_FILE]
    return Outputs(settings.cases, settings.splits, settings.start_from, replace=settings.replace), files


@contextmanager
def kept_run(settings: RunSettings) -> Iterator[None]:
    """Keep the folder of a training to this process; one that nothing came to goes again.

    Raises ValueError where another process trains there, or as claim_run.
    """
    folder = claim_run(settings)
    with held(folder.root, "train.py"):
        try:
            yield
        finally:
            give_up(folder.root)


def open_run(settings: RunSettings) -> tuple[RunFolder, Checkpoint | None]:
    """The run's folder, and the state to go on from: the latest checkpoint with --resume, else None.

    Raises:
        ValueError: a training is there already and --resume was not given, or its settings differ.
        OSError: the checkpoint cannot be read.
    """
    folder = folder_of(settings)
    latest = folder.checkpoint("latest")
    state = None
    if latest.exists():
        if not settings.resume:
            raise ValueError(f"{folder.root}: holds a training; add --resume to go on, or choose another --output")
        state = load_checkpoint(latest, to_resume=True)
        _check_same_settings(settings, state["config"], folder.root)
    return folder, state


def find_checkpoint(path: Path | str, name: CheckpointName) -> Path:
    """The checkpoint meant by a file, a fold's folder, a run's folder with one fold, or a name of shipped weights.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: a run of several folds, which one is not said.

    Examples:
        >>> from ramify.training import find_checkpoint
        >>> find_checkpoint(run, "best").name  # of a run with one fold
        'best.pt'
    """
    folds = _folds_in(Path(path))
    if len(folds) > 1:
        raise ValueError(f"{path}: holds several folds; name one, for example {folds[0]}")
    (found,) = find_checkpoints(path, name)
    return found


def find_checkpoints(path: Path | str, name: CheckpointName) -> tuple[Path, ...]:
    """The checkpoints meant by a file, a fold's folder, a run's folder or a folder of runs (those of all their folds),
    or by the name of weights that come with Ramify, where there is no file or folder of that name.

    Returns:
        at least one, sorted by their runs and folds.

    Raises:
        FileNotFoundError: nothing there, or one of the folds has no such checkpoint.

    Examples:
        >>> from ramify.training import find_checkpoints
        >>> [path.name for path in find_checkpoints(run, "best")]
        ['best.pt']
    """
    path = Path(path)
    if path.is_file():
        return (path,)
    if not path.exists():
        return (shipped_or_missing(path),)
    found = tuple(RunFolder(fold).checkpoint(name) for fold in _folds_in(path) or [path])
    for checkpoint in found:
        if not checkpoint.is_file():
            raise FileNotFoundError(
                f"{checkpoint}: no such checkpoint; {checkpoint.parents[1]} is not the folder of a training, or it has "
                f"none yet{_runs_below(checkpoint.parents[1])}"
            )
    return found


def _runs_below(path: Path) -> str:
    """The runs in an experiment's folder, in words."""
    folds = (fold for fold in path.glob("runs/*/*/fold_*") if (fold / "checkpoints").is_dir())
    runs = sorted({str(fold.parent.relative_to(path)) for fold in folds})
    more = ", ..." if len(runs) > _SHOWN_RUNS else ""
    return f"; in it there are the runs {', '.join(runs[:_SHOWN_RUNS])}{more}" if runs else ""


def _folds_in(path: Path) -> list[Path]:
    """Folders of trainings: the path itself, those of a run, or those of all runs in a folder; empty: it is none."""
    if (path / "checkpoints").is_dir():
        return [path]
    for folds in ("fold_*", "*/fold_*"):
        if found := sorted(fold for fold in path.glob(folds) if FOLD_NAME.fullmatch(fold.name)):
            return found
    return []


def _check_same_settings(settings: RunSettings, saved: Mapping[str, Any], root: Path) -> None:
    """A resumed training must be the same training."""
    before = RunSettings.model_validate(saved).decisive()
    for key, now in settings.decisive().items():
        # Whether it may train longer is the schedule's to say, and how long it waits for better is open.
        if key not in ("train.epochs", "validation.patience") and now != before[key]:
            raise ValueError(
                f"{root}: cannot resume with another {key} (it was {before[key]!r}, now {now!r}); "
                "give the run's own config.yaml, or choose another --output"
            )
