"""One run of an experiment: trained, its held-out cases segmented and scored, as far as that is not done.

runs/VARIANT/seed_S/fold_F/     the folder of the training, and in it
    predictions/CASE.nii.gz     masks of the held-out cases
    metrics.json                their scores, in evaluate.py's form: compare.py takes it
    ending.json                 how the run ended, and how long it took
    log.txt                     what it would have shown
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ramify.comparison.results import RESULTS_FILE
from ramify.console.progress import say
from ramify.data.case_store import read_case
from ramify.data.folds import load_fold
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import read_json, write_json
from ramify.experiments.further_measures import (
    further_measures,
    probability_measures,
    probe_measures,
    with_measures,
)
from ramify.experiments.held_out import probe_held_out, score_held_out
from ramify.experiments.plan import Run
from ramify.experiments.probability_scores import score_probabilities
from ramify.metrics.measure import DEFINITIONS
from ramify.metrics.table import build_report, describe_measure, to_json
from ramify.training.loop import train_run
from ramify.training.same_cases import identities_of, identity_differences
from ramify.training.settings import RunSettings

ENDING_FILE, LOG_FILE = "ending.json", "log.txt"
_EARLIER_NAME = "piece.json"  # of experiments that were done before runs were called runs
SHOWN_DIFFERENCES = 3


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    seconds, epochs: how long it was at work the last time, and the epochs it trained in that time.
    reason: why it failed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    state: Literal["finished", "failed"]
    seconds: float
    epochs: int
    reason: str = ""


_ENDING = TypeAdapter(Ending)


def carry_out(run: Run) -> None:
    """Train, segment and score, as far as that is not done.

    Raises whatever the training does: ValueError for one that diverged, MemoryError, ...
    """
    train_run(run.settings, tell=say)
    chosen, of_vessels = run.scored.chosen, run.scored.all_vessels
    report = build_report(dict(score_held_out(run)), {}, versions(), run.evaluation, chosen, masks=run.scored.settings)
    if run.further.probe:
        report = with_measures(report, probe_measures(run.further.probe), probe_held_out(run), of_vessels)
    if run.further.of_probabilities:
        found = score_probabilities(run)
        report = with_measures(report, probability_measures(run.further), found.rows, of_vessels)
        report |= {"thresholds": found.thresholds}
    write_whole(results_file(run), to_json(report))


def results_file(run: Run) -> Path:
    """Where the scores of a run are."""
    return run.folder.root / RESULTS_FILE


def log_file(run: Run) -> Path:
    """Where a run writes what it would show."""
    return run.folder.root / LOG_FILE


def ending_of(run: Run) -> Ending | None:
    """How the run ended; None for one that did not, or whose scores are missing or of another evaluation.

    A record that another version of this program wrote, with other keys, says nothing: such a run is gone on with.
    """
    root = run.folder.root
    path = next((root / name for name in (ENDING_FILE, _EARLIER_NAME) if (root / name).is_file()), None)
    if path is None:
        return None
    try:
        ending = _ENDING.validate_python(read_json(path))
    except ValidationError:
        return None
    if ending.state == "finished" and not _is_scored(run):
        return None
    return ending


def record_ending(run: Run, ending: Ending) -> None:
    """Keep how the run ended."""
    write_json(run.folder.root / ENDING_FILE, asdict(ending))


def epochs_done(run: Run) -> int:
    """Epochs that are behind the run, by its history."""
    history = run.folder.root / "history.csv"
    if not history.is_file():
        return 0
    return max(0, history.read_bytes().count(b"\n") - 1)


class Stopwatch:
    """Seconds and epochs of a run since now."""

    def __init__(self, run: Run) -> None:
        self._run, self._began, self._had = run, time.monotonic(), epochs_done(run)

    @property
    def seconds(self) -> float:
        """Since it was begun or taken up again."""
        return time.monotonic() - self._began

    @property
    def epochs(self) -> int:
        """Trained in that time."""
        return epochs_done(self._run) - self._had

    def ending(self, state: Literal["finished", "failed"], reason: str = "") -> Ending:
        """The run's ending, now."""
        return Ending(state, round(self.seconds, 1), self.epochs, reason)


def check_unchanged(run: Run) -> None:
    """Refuse a run that was begun with other settings or cases: its scores would be those of another experiment.

    Raises ValueError that names the settings.
    """
    config, description = run.folder.root / "config.yaml", run.folder.root / "run.json"
    if not (config.is_file() and description.is_file()):
        return
    try:
        before = RunSettings.model_validate(yaml.safe_load(config.read_text(encoding="utf-8"))).decisive()
    except (ValueError, RecursionError, yaml.YAMLError):
        before = {"settings": "of another version"}
    now = run.settings.decisive()
    different = [
        f"{key} was {before.get(key)!r}, now {now.get(key)!r}"
        for key in dict.fromkeys((*before, *now))
        if before.get(key) != now.get(key)
    ]
    # A test set may be scored anew, of other cases: the training never looks at it.
    parts = load_fold(run.settings.cases, run.settings.splits, run.fold)
    begun, fold = read_json(description), {side: parts[side] for side in ("train", "val")}
    if begun.get("cases") != fold:
        different.append("other cases in its fold")
    cases = {case_id: read_case(run.settings.cases, case_id) for part in fold.values() for case_id in part}
    different += identity_differences(begun.get("identities", {}), identities_of(cases))
    if different:
        raise ValueError(
            f"{run.folder.root}: was begun with other settings or cases "
            f"({'; '.join(different[:SHOWN_DIFFERENCES])}); "
            "give the experiment another --name, or remove this folder to run it anew"
        )


def _is_scored(run: Run) -> bool:
    """Whether there are scores, of all that the experiment measures, as it has it and as they are defined now."""
    path = results_file(run)
    if not path.is_file():
        return False
    report = read_json(path)
    there = report.get("measures", {})
    # A formula says at which precision it was measured.
    same = all(there.get(measure.name) == describe_measure(measure) for measure in further_measures(run.further))
    same = same and report.get("definitions") == DEFINITIONS
    return same and report.get("settings") == run.evaluation.model_dump(mode="json") | run.scored.settings
