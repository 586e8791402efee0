"""Every setting of a study: those of the trainings it is made of, and how it searches."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ramify.essential import Essential
from ramify.training.settings import RunSettings
from ramify.tuning.storage_url import url_of_file

Measure = Literal["dice", "cldice"]
_NAME = re.compile(r"\w[\w.-]*")


class StudySettings(RunSettings, frozen=True, extra="forbid"):
    """A study: many trainings that differ in the settings of its search space."""

    space: Path
    """YAML of what is searched: dotted keys with low and high, or choices (configs/tuning/)."""
    study: str
    """Name of the study; the same name goes on with it."""
    trials: int = Field(ge=1)
    """Trials of the study in all, those of earlier calls and other machines among them."""
    storage: Essential[str | None] = None
    """Where trials are kept: sqlite:///FILE on one machine, postgresql://USER@HOST/DATABASE on several; none takes
    study.db in the study's folder."""
    output: Path
    """Folder of studies; each gets a folder of its name in it."""
    fold: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    """Outer fold: its validation cases are no part of the study, which makes them a fair test; all holds out none."""
    workers: Essential[int] = Field(1, ge=1)
    """Processes on this machine, each with its share of the cores and one trial at a time."""
    objective: Essential[Literal["dice", "cldice", "both"]] = "dice"
    """Mean validation measure over the inner folds, at the last epoch; both seeks the best trade-offs of the two."""
    folds: Essential[int] = Field(3, ge=2)
    """Inner folds, made from the training cases of the outer fold."""
    pruner: Literal["median", "hyperband", "none"] = "median"
    """What stops a trial early, by its score so far, after a third of its first fold; never with two objectives."""
    random_trials: int = Field(10, ge=1)
    """Trials drawn at random before TPE learns from them."""
    baseline: bool = True
    """Whether the first trial has the configuration's own values, where the space holds them."""
    retries: int = Field(3, ge=0)
    """How often a trial whose worker died is taken up again."""
    heartbeat_seconds: int = Field(30, ge=1)
    """Seconds between a worker's signs of life; after five without one, its trial goes to another."""

    @field_validator("study")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("expected letters, digits, dots, dashes and underscores, since it names a folder")
        return name

    @property
    def training(self) -> RunSettings:
        """The training that every trial varies."""
        return RunSettings(**{name: getattr(self, name) for name in RunSettings.model_fields})

    @property
    def folder(self) -> Path:
        """The study's own folder."""
        return self.output / self.study

    @property
    def storage_url(self) -> str:
        """The storage asked for, or else a file in the study's folder."""
        return self.storage or url_of_file(self.folder / "study.db")

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that are maximised."""
        return ("dice", "cldice") if self.objective == "both" else (self.objective,)

    @property
    def steps(self) -> int:
        """Epochs of a whole trial, all inner folds together."""
        return self.folds * self.train.epochs
