"""The held-out cases of a run as predict.py takes CTs: read from their images, each with the network of its fold."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.data.adapters.base import Adapter
from ramify.data.adapters.opening import open_dataset
from ramify.data.case_store import open_store, read_case
from ramify.data.channel_files import InputCase
from ramify.data.folds import tested_cases
from ramify.data.input_reading import ReadInput
from ramify.data.input_settings import InputSettings
from ramify.data.inputs import check_organ_of_each, organ_files, read_organ
from ramify.preprocessing.reopening import data_set_of
from ramify.training.held_out import HeldOut
from ramify.training.predictor import Predictor

_SHOWN = 5


class HeldOutInputs:
    """The cases that the folds of a run hold out, in the place of `data.input_reading.Inputs`.

    Args:
        settings: another organ mask than the data set's, if there is one.
        folds: what `held_out_of` found.

    Attributes:
        cases: all of them, fold by fold.
        warnings: which cases of the store no fold holds out.
        places: files and folders that are read.

    Raises ValueError or OSError: the data set is not there any more.
    """

    def __init__(self, settings: InputSettings, folds: Sequence[HeldOut]) -> None:
        self._settings = settings
        self.fold_of = {case_id: fold for fold in folds for case_id in fold.cases}
        stores = dict.fromkeys(fold.store for fold in folds)
        data_sets = {store: data_set_of(store) for store in stores}
        self._adapters: dict[Path, Adapter] = {store: open_dataset(its) for store, its in data_sets.items()}
        self.cases = [InputCase(case_id, self._path_of(case_id)) for case_id in self.fold_of]
        check_organ_of_each(settings.organ, self.cases)
        roots = [its.root for its in data_sets.values() if its.root is not None]
        self.places = [*stores, *roots, *([settings.organ] if settings.organ else [])]
        every = {case_id: None for store in stores for case_id in open_store(store)}
        others = [case_id for case_id in every if case_id not in self.fold_of]
        self.warnings: list[str] = []
        if others:
            more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            named = f"{', '.join(others[:_SHOWN])}{more}"
            tested = {case_id for store in stores for case_id in tested_cases(store)}.intersection(others)
            how = f"; of these {len(tested)} in the test set: give their images as --input" if tested else ""
            self.warnings.append(f"{len(others)} of {len(every)} cases are held out by no fold here: {named}{how}")

    def keep(self, case_ids: Collection[str]) -> None:
        """Leave out all other cases."""
        kept = set(case_ids)
        self.cases = [case for case in self.cases if case.case_id in kept]

    def files_of(self, case: InputCase) -> list[Path]:
        """What `read` reads: the files that the data set has of the case, and an organ mask of the user's."""
        sources = self._adapters[self.fold_of[case.case_id].store].sources(case.case_id)
        return [*sources.paths, *organ_files(self._settings.organ, case)]

    def read(self, case: InputCase) -> ReadInput:
        """Read a case; raises ValueError or OSError that names the file at fault, or what is not as it was prepared."""
        settings, store = self._settings, self.fold_of[case.case_id].store
        raw = self._adapters[store].load(case.case_id)
        before = _digests(read_case(store, case.case_id).known.provenance)
        now = _digests(raw.provenance)
        other = [name for name in now if now[name] != before.get(name)]
        gone = [name for name in before if name not in now and settings.organ is None]
        if other:
            raise ValueError(f"{case.path}: {other[0]} changed since the case was prepared; run preprocess.py again")
        if gone:
            raise ValueError(
                f"{store}: does not say where {gone[0]} lies, which is no part of the data set; give --organ"
            )
        organ = raw.organ
        if settings.organ is not None:
            labels, resample = settings.organ_labels, settings.resample_masks
            organ = read_organ(settings.organ, case, raw.image, resample=resample, labels=labels)
        notes = dict.fromkeys(note for one in raw.images.values() for note in one.notes)
        return ReadInput(raw.images, organ, tuple(notes))

    def _path_of(self, case_id: str) -> Path:
        """The file of its image, or what the case is called where there is none."""
        sources = self._adapters[self.fold_of[case_id].store].sources(case_id)
        return next(iter(sources.paths), Path(case_id))


def _digests(provenance: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of each file that a case was made from, by its name as seen from the data set."""
    return {str(one["path"]): str(one["sha256"]) for one in provenance.get("sources", [])}


class HeldOutNetworks:
    """The network that has not seen a case, of each case; in memory is that of one fold.

    Args:
        folds: what `held_out_of` found, at least one.
        build: the predictor of a checkpoint.

    Attributes:
        first: that of the first fold, whose classes are those of all.
    """

    def __init__(self, folds: Sequence[HeldOut], build: Callable[[Path], Predictor]) -> None:
        self._fold_of, self._build = {case_id: fold for fold in folds for case_id in fold.cases}, build
        self._fold, self.first = folds[0], build(folds[0].checkpoint)
        self._predictor = self.first

    def of(self, case_id: str) -> Predictor:
        """The predictor for a case.

        Raises ValueError or OSError: as `build`, or where a fold tells other classes apart than the first.
        """
        fold = self._fold_of[case_id]
        if fold != self._fold:
            predictor, first = self._build(fold.checkpoint), self.first.tasks
            if (predictor.tasks.segmented, predictor.tasks.written_values) != (first.segmented, first.written_values):
                raise ValueError(f"{fold.checkpoint}: tells other classes apart than the first fold; predict it alone")
            self._fold, self._predictor = fold, predictor
        return self._predictor
