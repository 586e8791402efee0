"""A fold's held-out cases, segmented by the network that did not see them and compared with their truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ramify.data.adapters.base import Adapter
from ramify.data.adapters.opening import open_dataset
from ramify.data.case_store import class_table_of, read_case
from ramify.data.files import read_label_map, read_mask, write_volume
from ramify.data.folds import load_fold, scored_cases
from ramify.data.loading import spacing_of
from ramify.data.volume import Volume
from ramify.disk.atomic_files import write_whole
from ramify.disk.own_files import remove
from ramify.experiments.further_measures import probe_measures
from ramify.experiments.plan import Run
from ramify.experiments.scored_classes import ScoredClasses
from ramify.metrics.case import CaseScores
from ramify.tasks.class_table import IGNORED
from ramify.tasks.formulation import Tasks
from ramify.training.legend import legend_of
from ramify.training.predictor import Predictor, scored_region
from ramify.training.probe import balanced_accuracy, probe_checkpoint
from ramify.training.run_folder import RunFolder
from ramify.training.segmentation import any_vessel, class_map_of, in_values, vessels_of

PREDICTIONS = "predictions"


@dataclass(frozen=True, eq=False)
class HeldOutCase:
    """One held-out case, on the grid on which it is compared.

    images: channels by name. truth: all vessels, bool. region: the part of the volume that counts, bool, or None for
    all of it. prepared: all channels as the network sees them, float32 (C, *S), where that is the grid. class_map: the
    number of each voxel's class, uint8 (*S); None where vessels are all there is.
    """

    case_id: str
    images: Mapping[str, Volume]
    organ: Volume | None
    truth: Volume
    region: np.ndarray | None
    prepared: np.ndarray | None = None
    class_map: np.ndarray | None = None

    @property
    def image(self) -> Volume:
        """The first channel: the grid."""
        return next(iter(self.images.values()))


def score_held_out(run: Run) -> Iterator[tuple[str, CaseScores | dict[str, CaseScores]]]:
    """Segment and score each held-out case, in each class where there are several; masks that are there already are not
    made again.

    The weights are those of the last epoch: the best ones on validation would be chosen by the very cases that are
    scored here.

    Raises ValueError or OSError where a case or the checkpoint cannot be read.
    """
    scored, predictor = run.scored, None
    if scored.told_apart:
        describe_predictions(run)
    for case in held_out_cases(run):
        path = mask_file(run.folder, case.case_id)
        if not path.exists():
            predictor = predictor or Predictor(run.folder.checkpoint("final"), run.settings.device)
            in_case = labels_in if scored.told_apart else vessels_in
            write_volume(path, case.image.with_array(in_case(case, predictor)))
        found, truth = predicted(path, scored), truth_of(case, scored)
        yield case.case_id, scored.score(found, truth, case.image.spacing_mm, run.evaluation, case.region)


def predicted(path: Path, scored: ScoredClasses) -> NDArray[np.generic]:
    """A prediction as it is scored, (*S): bool, or in values; raises ValueError or OSError for a damaged file."""
    return (read_label_map if scored.told_apart else read_mask)(path).array


def truth_of(case: HeldOutCase, scored: ScoredClasses) -> NDArray[np.generic]:
    """The truth as it is scored, (*S): bool, or in the values that predictions have."""
    return case.truth.array if case.class_map is None else scored.as_written(case.class_map)


def describe_predictions(run: Run) -> None:
    """Say beside the label maps of a run which value is which class, as predict.py does.

    Predictions without it are of an earlier version, which wrote masks of all vessels: they are removed.
    """
    folder, table = run.folder.root / PREDICTIONS, class_table_of(run.settings.cases)
    legend = legend_of(Tasks.of(run.settings.model.tasks, 1, table))
    if any(not (folder / name).is_file() for name in legend):
        for old in folder.glob("*.nii.gz"):
            remove(old)
    for name, content in legend.items():
        write_whole(folder / name, content)


def held_out_cases(run: Run) -> Iterator[HeldOutCase]:
    """Each case that the run's fold holds out to be scored; raises ValueError or OSError where one cannot be read."""
    return cases_of(run, scored_cases(load_fold(run.settings.cases, run.settings.splits, run.fold)))


def cases_of(run: Run, case_ids: Sequence[str]) -> Iterator[HeldOutCase]:
    """Cases of the run's store by their ids; raises ValueError or OSError where one cannot be read."""
    settings = run.settings
    adapter = None if run.dataset is None else open_dataset(run.dataset)
    for case_id in case_ids:
        yield _native(adapter, settings.cases, case_id) if adapter else _prepared(settings.cases, case_id)


def vessels_in(case: HeldOutCase, predictor: Predictor) -> NDArray[np.bool_]:
    """The vessels that a prediction gives, bool (*S): of classes, where one of theirs is the likeliest."""
    if case.prepared is not None:
        probabilities = predictor.predict_prepared(case.prepared, case.case_id)
        return vessels_of(class_map_of(probabilities, predictor.tasks), predictor.tasks)
    mask: NDArray[np.bool_] = predictor.predict(case.images, case.organ, case.case_id).mask.array
    return mask


def labels_in(case: HeldOutCase, predictor: Predictor) -> NDArray[np.integer]:
    """The classes that a prediction tells apart, whole numbers (*S), in the values that predict.py writes."""
    if case.prepared is not None:
        class_map = class_map_of(predictor.predict_prepared(case.prepared, case.case_id), predictor.tasks)
        return in_values(class_map, predictor.tasks.table.written_values())
    labels = predictor.predict(case.images, case.organ, case.case_id).labels
    assert labels is not None, "several classes are told apart"
    told: NDArray[np.integer] = labels.array
    return told


def probabilities_of(case: HeldOutCase, predictor: Predictor) -> NDArray[np.float32]:
    """Of vessel, float32 (*S), on the grid on which the case is compared."""
    if case.prepared is not None:
        return any_vessel(predictor.predict_prepared(case.prepared, case.case_id), predictor.tasks)
    vessels: NDArray[np.float32] = predictor.predict(case.images, case.organ, case.case_id).probabilities.array
    return vessels


def probe_held_out(run: Run) -> dict[str, dict[str, float | None]]:
    """Held-out case -> measure of each kind of features -> how well a linear probe reads the scale from them.

    Raises ValueError or OSError where a case or the checkpoint cannot be read, or the fold holds out a single patient.
    """
    settings, checkpoint = run.settings, run.folder.checkpoint("final")
    cases = scored_cases(load_fold(settings.cases, settings.splits, run.fold))
    recalls = probe_checkpoint(checkpoint, settings.cases, cases, run.further.probe, settings.device)
    measures = dict(zip((measure.name for measure in probe_measures(run.further.probe)), recalls.values(), strict=True))
    return {case: {name: balanced_accuracy(of[case]) for name, of in measures.items()} for case in cases}


def mask_file(folder: RunFolder, case_id: str) -> Path:
    """Where the predicted mask of a held-out case lies."""
    return folder.root / PREDICTIONS / f"{case_id}.nii.gz"


def _native(adapter: Adapter, store: Path, case_id: str) -> HeldOutCase:
    """The case as its data set gives it: the truth is untouched by any preprocessing."""
    raw = adapter.load(case_id)
    region = scored_region(raw.organ, read_case(store, case_id).settings)
    class_map = None if raw.classes is None else raw.classes.array
    known = _where_known(region, class_map)
    return HeldOutCase(case_id, raw.images, raw.organ, raw.vessels, known, class_map=class_map)


def _prepared(store: Path, case_id: str) -> HeldOutCase:
    """The case as the network sees it."""
    case = read_case(store, case_id)
    prepared = np.asarray(case.arrays["image"])
    image = Volume(prepared[0], spacing_of(case))
    organ = np.asarray(case.arrays["organ"], dtype=bool)
    truth = image.with_array(np.asarray(case.arrays["scales"]) > 0)
    region = _where_known(organ, case.class_map)
    images, organ_mask = {case.known.channels[0]: image}, image.with_array(organ)
    return HeldOutCase(case_id, images, organ_mask, truth, region, prepared, case.class_map)


def _where_known(region: np.ndarray | None, class_map: np.ndarray | None) -> np.ndarray | None:
    """A region, bool (*S) or None for all, without the voxels that nobody labelled."""
    if class_map is None or not (class_map == IGNORED).any():
        return region
    known: np.ndarray = class_map != IGNORED
    return known if region is None else region & known
