"""What an experiment is: variants of a training, each over the same folds and seeds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ramify.data.adapters.settings import DatasetSettings
from ramify.experiments.scored_classes import VESSELS_ALONE, ScoredClasses
from ramify.experiments.settings import ExperimentSettings, Further
from ramify.metrics.settings import EvaluationSettings
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings


@dataclass(frozen=True)
class Run:
    """One run of an experiment: a variant trained on a fold with a seed, and scored on the fold's held-out cases.

    dataset: where the images and masks come from; None compares on the prepared grid.
    further: what is measured, and what besides the masks at a probability of a half.
    scored: in which classes.
    """

    variant: str
    fold: int
    seed: int
    settings: RunSettings
    dataset: DatasetSettings | None
    further: Further
    scored: ScoredClasses = VESSELS_ALONE

    @property
    def evaluation(self) -> EvaluationSettings:
        """What is measured of a mask."""
        return self.further.evaluation

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.variant}, fold {self.fold}, seed {self.seed}"

    @property
    def folder(self) -> RunFolder:
        """The training's folder."""
        return RunFolder(self.settings.output / f"fold_{self.fold}")


def runs_of(
    experiment: ExperimentSettings,
    trainings: Mapping[str, RunSettings],
    dataset: DatasetSettings | None,
    scored: Mapping[str, ScoredClasses] = MappingProxyType({}),
) -> Iterator[Run]:
    """Every run, in the order they are to be done: all variants of a seed and fold before the next, so that an
    experiment that is stopped half-way can be compared.

    trainings: variant -> its settings; cases, output, fold, seed and resume are set here. scored: variant -> in which
    classes it is scored; in vessels alone if it is not there.
    """
    for seed, fold in experiment.networks:
        for variant, training in trainings.items():
            own = {
                "cases": experiment.store_of(variant),
                "output": experiment.folder / "runs" / variant / f"seed_{seed}",
                "fold": fold,
                "seed": seed,
                "resume": True,
            }
            yield Run(
                variant,
                fold,
                seed,
                training.model_copy(update=own),
                dataset,
                experiment.further,
                scored.get(variant, VESSELS_ALONE),
            )
