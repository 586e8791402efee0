"""What an experiment is asked: variants of a training, each over the same folds and seeds."""

import difflib
import re
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ramify.comparison.settings import USUAL_MEASURES, ComparisonSettings
from ramify.data.case_paths import CASE
from ramify.essential import Essential
from ramify.experiments.layers import LayerSettings, VariantSettings
from ramify.metrics.settings import EvaluationSettings
from ramify.processes.crew_settings import CrewSettings

SET_BY_THE_PLAN = ("cases", "output", "fold", "seed", "resume", "replace")
"""Settings of a training that the experiment itself gives to each run."""

FURTHER_SETTINGS = ("probe", "at_precision", "own_threshold", "average_precision")
"""Settings of an experiment that ask for measures besides those of the evaluation."""

_NAME = re.compile(r"\w[\w.+-]*")

Number = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Further:
    """What is asked for of a run besides.

    probe: features from which the scale of a vessel is told. at_precision: the precision at whose threshold every
    measure is taken once more. own_threshold: whether it is at the network's own. average_precision: whether it is.
    evaluation: what is measured at a threshold.
    """

    evaluation: EvaluationSettings
    probe: tuple[str, ...] = ()
    at_precision: float | None = None
    own_threshold: bool = False
    average_precision: bool = False

    @property
    def of_probabilities(self) -> bool:
        """Whether anything is asked of the probabilities."""
        return self.at_precision is not None or self.own_threshold or self.average_precision


class ExperimentSettings(CrewSettings, frozen=True, extra="forbid"):
    """Variants x folds x seeds, and what is measured."""

    name: str
    """Of the experiment, and of its folder."""
    output: Essential[Path] = Path("output/experiments")
    """Folder of experiments; each gets a folder of its name in it."""
    preprocess: LayerSettings = LayerSettings()
    """How cases are prepared: settings of preprocess.py. Predictions are compared on the images' own grid."""
    replace: Essential[bool] = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    root: Essential[Path | None] = None
    """Folder of the data set, in place of the one in these settings."""
    cases: Essential[Path | None] = None
    """Prepared cases to take as they are, in place of preprocess. Predictions are compared on their grid."""
    train: LayerSettings = LayerSettings()
    """How every variant is trained: settings of train.py."""
    variants: dict[str, VariantSettings] = Field({}, validate_default=True)
    """The variants by name; the first is the reference that the others are compared with."""
    folds: Essential[tuple[Number, ...]] = (0, 1, 2, 3, 4)
    """Which folds; the held-out cases of each are segmented by the networks that did not see them."""
    seeds: Essential[tuple[Number, ...]] = (0,)
    """Seeds of the training; every variant is trained with each, on each fold."""
    seeds_in_turn: bool = False
    """Each seed is trained on one fold alone, the folds taking turns: the first seed on the first fold, the second on
    the second. Networks then differ in what they were trained on and in their first weights alike. As many seeds as
    folds at least."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """What is measured, and how."""
    probe: tuple[str, ...] = ()
    """Features from which a linear probe tells the scale of a vessel, in held-out cases: encoder.1, bottleneck,
    main_decoder.0, intensity, ...; each is a measure, such as probe_encoder_1."""
    at_precision: float | None = Field(None, gt=0, lt=1)
    """Score every run, besides, at the threshold where its precision is this: measures at_precision_dice,
    at_precision_scale_1_tsens, ... The threshold is chosen on the validation cases where there is a test set, else on
    other held-out patients."""
    own_threshold: bool = False
    """Score every run, besides, at the threshold with its highest Dice, chosen on the same cases: measures
    own_threshold_dice, own_threshold_cldice, ..."""
    average_precision: bool = False
    """Measure the area under precision over recall, for which no threshold is chosen: average_precision."""
    second_observer: str = ""
    """Pattern of a second person's masks of the scored cases, seen from the data set's folder, such as
    */2nd_manual/{case}_manual2.gif: their scores stand below the variants', as the level that people reach."""
    worst_cases: int = Field(0, ge=0)
    """How many of the cases that come out worst in the first measure are drawn, with the errors of the first variant's
    first network."""
    measures: Essential[tuple[str, ...]] = USUAL_MEASURES
    """Measures of the table. Choose before you look: each further one makes Holm's adjustment stricter. Of cases with
    several classes they are means over the classes; CLASS.MEASURE is that of one class or region."""
    classes: tuple[str, ...] = ()
    """Classes or regions whose measures are compared, each in all of the measures, such as portal any_vessel."""
    comparison: ComparisonSettings = ComparisonSettings()
    """How variants are compared with the first one."""
    workers: Essential[int] = Field(1, ge=1)
    """Runs at a time, each in a process of its own."""
    cluster: Essential[str | None] = None
    """Prepare cases and do runs on the machines of a running Dask scheduler instead: its address (tcp://HOST:8786), or
    its scheduler file (docs/cluster.md)."""
    threads: int | None = Field(None, ge=1)
    """Threads of each process; none shares out the cores, and on a cluster gives each one."""
    gpus: Essential[tuple[Number, ...]] = ()
    """Numbers of GPUs to share out among the processes in turn; none leaves the choice to CUDA."""
    run: Essential[bool] = True
    """Run what is missing; otherwise only tell what is, and make the table of what is there."""

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("expected letters, digits, dots, dashes, underscores and +, since it names a folder")
        return name

    @field_validator("variants")
    @classmethod
    def _something_to_compare(cls, variants: dict[str, VariantSettings]) -> dict[str, VariantSettings]:
        if len(variants) < 2:
            raise ValueError("expected at least two variants to compare")
        for name in variants:
            cls._names_a_folder(name)
        return variants

    @field_validator("folds", "seeds")
    @classmethod
    def _each_once(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        if not numbers or len(set(numbers)) < len(numbers):
            raise ValueError("expected at least one number, each once")
        return numbers

    @field_validator("second_observer")
    @classmethod
    def _names_the_case(cls, pattern: str) -> str:
        if pattern and pattern.count(CASE) != 1:
            raise ValueError(f"expected a pattern with {CASE} in it once, got {pattern!r}")
        return pattern

    @field_validator("probe")
    @classmethod
    def _probed_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("expected each kind of features once")
        return names

    @field_validator("classes")
    @classmethod
    def _named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("expected each class or region once")
        return names

    @field_validator("measures")
    @classmethod
    def _measured(cls, measures: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # Here, since they load all that measures, which --help need not wait for.
        from ramify.experiments.further_measures import further_measures
        from ramify.metrics.families import measures_of

        evaluation = info.data.get("evaluation", EvaluationSettings())
        asked = {key: info.data[key] for key in FURTHER_SETTINGS if key in info.data}
        known = [
            measure.name for measure in (*measures_of(evaluation), *further_measures(Further(evaluation, **asked)))
        ]
        for name in measures:
            if (bare := name.rpartition(".")[2]) not in known:
                near = difflib.get_close_matches(bare, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise ValueError(f"no measure {name!r} with these evaluation settings; {hint}")
        if not measures or len(set(measures)) < len(measures):
            raise ValueError("expected at least one measure, each once")
        return measures

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.gpus and self.cluster is not None:
            raise ValueError("--gpus and --cluster: of a cluster, each worker says which GPU it has; leave --gpus out")
        if self.cases is not None:
            if special := [name for name, variant in self.variants.items() if variant.preprocess]:
                raise ValueError(
                    f"variants.{special[0]}.preprocess: cannot change cases that are taken as they are; "
                    "leave it or --cases out"
                )
            if self.root is not None:
                raise ValueError("--cases and --root: prepared cases need no data set; leave one of them out")
        if self.classes and (of_class := next((name for name in self.measures if "." in name), None)):
            raise ValueError(
                f"measures and classes: {of_class} names a class by itself; leave classes out, or {of_class}"
            )
        if self.second_observer and self.cases is not None:
            raise ValueError(
                "second_observer: prepared cases have no data set to hold its masks; leave one of them out"
            )
        if self.seeds_in_turn and len(self.seeds) < len(self.folds):
            raise ValueError(
                f"seeds_in_turn: expected a seed for each fold, got {len(self.seeds)} for {len(self.folds)}; "
                "name more seeds, or fewer folds"
            )
        if self.comparison.unit == "fold" and len(self.folds) < 2:
            raise ValueError("comparison.unit: pairs of folds need at least two folds; name more, or take cases")
        for name, variant in self.variants.items():
            for key in variant.train:
                if key in SET_BY_THE_PLAN:
                    raise ValueError(f"variants.{name}.train: {key} is the experiment's own; leave it out")
        return self

    @property
    def folder(self) -> Path:
        """The experiment's own folder."""
        return self.output / self.name

    @property
    def compared(self) -> tuple[str, ...]:
        """What is compared: the measures, each of every class where classes are named, as results have them."""
        of = [f"{name}." for name in self.classes] or [""]
        return tuple(f"{prefix}{measure}" for prefix in of for measure in self.measures)

    @property
    def further(self) -> Further:
        """What is measured of each run."""
        return Further(self.evaluation, **{key: getattr(self, key) for key in FURTHER_SETTINGS})

    @property
    def networks(self) -> list[tuple[int, int]]:
        """Seed and fold of each network of a variant, in the order of training."""
        if self.seeds_in_turn:
            return list(zip(self.seeds, cycle(self.folds)))
        return [(seed, fold) for seed in self.seeds for fold in self.folds]

    def store_of(self, variant: str) -> Path:
        """Prepared cases of a variant; variants that are prepared alike share them."""
        if self.cases is not None:
            return self.cases
        its = self.variants[variant].preprocess
        first = next(name for name, other in self.variants.items() if other.preprocess == its)
        return self.folder / (f"cases_{first}" if its else "cases")
