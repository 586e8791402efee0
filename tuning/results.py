"""What a study leaves: a table of its trials, and the best configuration as a file that train.py takes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial

from ramify.console.csv_text import csv_of_records
from ramify.disk.atomic_files import write_whole
from ramify.disk.own_files import remove
from ramify.tuning.progress import best_trial, scores
from ramify.tuning.search_space import SearchSpace, Value
from ramify.tuning.settings import StudySettings
from ramify.tuning.study import trial_folder
from ramify.tuning.trials import Standing, failure, first_number, standing

RESULTS = ("trials.csv", "best.yaml")


def write_results(study: optuna.Study, settings: StudySettings, space: SearchSpace) -> Path | None:
    """Write trials.csv, best.yaml and, with two objectives, pareto/trial_N.yaml; returns best.yaml, if there is one.

    Raises OSError where the study's folder cannot be written.
    """
    now = standing(study)
    front = pareto_front(study, settings)
    write_whole(settings.folder / "trials.csv", _table(now, front, settings, space))
    for number in front:
        text = configuration(number, now.latest[number], settings, space, f"on the Pareto front of {len(front)}")
        write_whole(settings.folder / "pareto" / f"trial_{number:04d}.yaml", text)
    for stale in (settings.folder / "pareto").glob("trial_*.yaml"):
        if stale.stem not in {f"trial_{number:04d}" for number in front}:
            remove(stale)
    best = best_trial(now, settings)
    if best is None:
        return None
    what = "the best" if len(settings.measures) == 1 else f"the best mean of {' and '.join(settings.measures)}"
    path = settings.folder / "best.yaml"
    write_whole(path, configuration(best, now.latest[best], settings, space, f"{what} of {len(now.ended)}"))
    return path


def pareto_front(study: optuna.Study, settings: StudySettings) -> list[int]:
    """Trials that no other one beats in both objectives; none where there is but one objective."""
    return sorted(first_number(trial) for trial in study.best_trials) if len(settings.measures) > 1 else []


def configuration(number: int, trial: FrozenTrial, settings: StudySettings, space: SearchSpace, what: str) -> str:
    """A completed trial's training as YAML for train.py, with comments on what was tuned and how good it was.

    It trains on all training cases of the outer fold and validates on those that the study never saw.
    """
    values = {dimension.key: trial.params[dimension.key] for dimension in space.dimensions}
    config = space.apply(settings.training, values).model_copy(update={"output": settings.folder / "best"})
    plain = config.model_copy(update={"resume": False}).model_dump(mode="json")
    notes = _notes(space, values)
    # A value that is wrapped would have its remark inside it: every value stays on one line.
    text = _annotated(
        yaml.safe_dump(plain, sort_keys=False, default_flow_style=False, allow_unicode=True, width=math.inf), notes
    )
    held_out = "no fold was held out" if settings.fold == "all" else f"fold {settings.fold} was held out"
    head = [
        f"Study {settings.study}, trial {number}: {scores(trial, settings)}; {what} trials.",
        f"Scores are means over {settings.folds} inner folds at the last epoch, on prepared cases; {held_out}.",
        "A score that was searched for is too high by some luck: the held-out fold says how good it is.",
        *(f"  {key} = {value}" for key, value in values.items()),
    ]
    return "".join(f"# {line}\n" for line in head) + "\n" + text


def _notes(space: SearchSpace, values: Mapping[str, Value]) -> dict[str, str]:
    """A remark for every key that a trial's values changed."""
    notes = {}
    for dimension in space.dimensions:
        its, low_high = dimension.given, dimension.given.ends
        where = f"among {', '.join(map(str, its.choices))}" if its.choices else "in {:g} to {:g}".format(*low_high)
        notes[dimension.key] = f"tuned {where}"
        notes |= dict.fromkeys(its.also, f"as {dimension.key}")
        notes |= dict.fromkeys(its.complement, f"1 - {dimension.key}")
    return notes


def _annotated(text: str, notes: Mapping[str, str]) -> str:
    """YAML in block style with a remark at the end of the lines of some keys."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = text.splitlines()
    for key, note in notes.items():
        line = _line_of(root, key.split("."))
        lines[line] += f"  # {note}"
    return "\n".join(lines) + "\n"


def _line_of(node: Any, path: Sequence[str]) -> int:
    for part in path:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(part)]
        else:
            node = next(value for name, value in node.value if name.value == part)
    line: int = node.start_mark.line
    return line


def _table(now: Standing, front: Sequence[int], settings: StudySettings, space: SearchSpace) -> str:
    """A row a trial: how it ended, its scores, its values."""
    rows = []
    for number, trial in now.latest.items():
        reached = trial.user_attrs.get("reached", {})
        row = {
            "trial": number,
            "state": trial.state.name.lower(),
            "dice": reached.get("dice", ""),
            "cldice": reached.get("cldice", ""),
            "fold": reached.get("fold", ""),
            "epoch": reached.get("epoch", ""),
            "attempts": sum(first_number(each) == number for each in now.attempts),
            "seconds": reached.get("seconds", ""),
            **{dimension.key: trial.params.get(dimension.key, "") for dimension in space.dimensions},
            "reason": failure(trial) or "",
            "folder": trial_folder(settings.folder, number),
        }
        if len(settings.measures) > 1:
            row["pareto"] = "yes" if number in front else "no"
        rows.append(row)
    return csv_of_records(rows, ["trial"])
