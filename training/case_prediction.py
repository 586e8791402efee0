"""What predict.py does with one CT, in whichever process: read, segmented, written, and what is told of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from ramify.console.error_line import line_of, out_of_memory, reason_of
from ramify.data.channel_files import InputCase
from ramify.data.files import write_volume
from ramify.data.input_reading import Inputs, ReadInput
from ramify.data.mask_folders import PROBABILITIES_SUFFIX, UNCERTAINTY_SUFFIX
from ramify.data.prediction_record import RECORD_SUFFIX, digests, prediction_record, record_of
from ramify.disk.atomic_files import write_whole
from ramify.disk.digests import fingerprint
from ramify.disk.json_files import write_json
from ramify.disk.own_files import remove
from ramify.processes.folder_lock import held
from ramify.tasks.formulation import Tasks
from ramify.training.clean_up import CleanUp
from ramify.training.held_out import HeldOut
from ramify.training.held_out_inputs import HeldOutInputs, HeldOutNetworks
from ramify.training.names import DeviceName
from ramify.training.prediction_settings import PredictSettings
from ramify.training.predictor import Predictor
from ramify.training.seen_cases import SeenCases

Tell = Callable[[str], None]
"""What is done with a line on a case."""


@dataclass
class Segmented:
    """What became of a case. lines: told of it. error: why there is no mask, in one line."""

    case_id: str
    lines: list[str] = field(default_factory=list)
    error: str = ""


def lost(case_id: str, how: str) -> Segmented:
    """What is told of a case whose process died."""
    return Segmented(case_id, error=how)


class Networks(Protocol):
    """What segments each case. first: the predictor of the first case, whose classes are those of all."""

    @property
    def first(self) -> Predictor: ...

    def of(self, case_id: str) -> Predictor:
        """The predictor for a case; raises ValueError or OSError where it cannot be loaded."""
        ...


class AllNetworks:
    """All networks together, for every case."""

    def __init__(self, predictor: Predictor) -> None:
        self.first = predictor

    def of(self, case_id: str) -> Predictor:
        return self.first


@dataclass(frozen=True)
class PredictionPlan:
    """Which networks segment which cases, before any is loaded. Picklable.

    Attributes:
        checkpoints: of the networks.
        settings: of the command.
        clean_up: what was learned of how predictions are cleaned up.
        folds: whose held-out cases are segmented, each by its own network; none: every case by all of them.
    """

    checkpoints: tuple[Path, ...]
    settings: PredictSettings
    clean_up: CleanUp | None
    folds: tuple[HeldOut, ...] = ()

    def networks(self, device: DeviceName) -> Networks:
        """Load them onto a device; raises as `Predictor`."""
        if self.folds:
            return HeldOutNetworks(self.folds, lambda checkpoint: self._predictor([checkpoint], device))
        return AllNetworks(self._predictor(self.checkpoints, device))

    def networks_of(self, case_id: str) -> tuple[Path, ...]:
        """The checkpoints that segment a case."""
        if not self.folds:
            return self.checkpoints
        return tuple(fold.checkpoint for fold in self.folds if case_id in fold.cases)

    def asked(self) -> dict[str, object]:
        """What masks hang on beside networks and files, as plain data."""
        return {**self.settings.asked(), "learned": None if self.clean_up is None else self.clean_up.in_words()}

    def _predictor(self, checkpoints: Sequence[Path], device: DeviceName) -> Predictor:
        settings = self.settings
        return Predictor(
            checkpoints,
            device,
            settings.inference,
            settings.mirror,
            uncertainty=settings.uncertainty,
            precision=settings.precision,
            clean_up=self.clean_up,
            noise=settings.noise,
        )


class ReadCase(NamedTuple):
    """A case as it was read, and the SHA-256 of its files."""

    input: ReadInput
    files: tuple[str, ...]


class Segmenter:
    """Networks, inputs, and where masks go: what segments case after case in one process. Picklable.

    Args:
        inputs: the cases.
        plan: which networks segment them, which are loaded at the first case.
        beside: files to lie beside the masks, name -> content; written before the first mask.
    """

    def __init__(self, inputs: Inputs | HeldOutInputs, plan: PredictionPlan, beside: Mapping[str, str]) -> None:
        self._inputs, self._plan, self._beside = inputs, plan, beside
        self._cases = {case.case_id: case for case in inputs.cases}
        self._networks: Networks | None = None

    def __call__(self, case_id: str) -> Segmented:
        """Read a case and segment it, where many processes do: whatever goes wrong costs this case alone."""
        lines: list[str] = []
        case = self._cases[case_id]
        try:
            if self._networks is None:
                self._networks = self._plan.networks(self._plan.settings.device)
            found = self.segment(case, lambda: self.read(case), self._networks, lines.append)
        except Exception as error:
            found = Segmented(case_id, error=reason_of(error))
        return Segmented(case_id, lines, found.error)

    def read(self, case: InputCase) -> ReadCase:
        """Read a case; raises ValueError or OSError that names the file at fault."""
        try:
            # Before they are read: a mask that is corrected while the network is at work is in no prediction.
            files = tuple(digests(self._inputs.files_of(case)))
        except (ValueError, OSError):
            # What is wrong is said by whoever reads it.
            files = ()
        return ReadCase(self._inputs.read(case), files)

    def segment(self, case: InputCase, read: Callable[[], ReadCase], networks: Networks, tell: Tell) -> Segmented:
        """Segment a case and write its masks; bad input and want of memory become the error.

        read: gives it as it was read; raises ValueError or OSError. tell: takes each line on it as soon as it is known.
        """
        settings = self._plan.settings
        try:
            # Jobs of a cluster may each take some of the cases to one folder.
            with held(settings.output, "predict.py", case.case_id):
                ready = read()
                if not self._plan.folds:
                    tell_seen(case, networks.first.seen, tell)
                predict_case(case, ready.input, networks.of(case.case_id), settings, self._beside, tell)
                self._record(case, ready, networks.of(case.case_id))
        except (ValueError, OSError) as error:
            # One bad case must not cost the others.
            return Segmented(case.case_id, error=line_of(error))
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            remedy = "use a smaller --inference.window or fewer --inference.windows-at-once"
            return Segmented(case.case_id, error=f"out of memory: {remedy} ({line_of(error)})")
        self._beside = {}
        return Segmented(case.case_id)

    def _record(self, case: InputCase, read: ReadCase, predictor: Predictor) -> None:
        """Write what made the mask; last, for it is of that file."""
        folder = self._plan.settings.output
        how = {**predictor.record(), "organ": read.input.organ is not None}
        networks = [member.record for member in predictor.ensemble.members]
        record = prediction_record(folder / mask_file(case), networks, how, read.files, self._plan.asked())
        write_json(folder / record_file(case), record)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_networks": None}


def tell_seen(case: InputCase, seen: SeenCases, tell: Tell) -> None:
    """Say that the networks were trained on a case under another name, if they were."""
    # Those of the same name are told all together, before the first is segmented.
    if not seen.is_named(case.case_id) and (line := seen.by_content((case.path, *case.others))):
        tell(f"warning: {case.case_id}: {line}")


def predict_case(
    case: InputCase,
    read: ReadInput,
    predictor: Predictor,
    settings: PredictSettings,
    beside: Mapping[str, str],
    tell: Tell,
) -> None:
    """Segment one CT and write its mask, and what is to lie beside the masks before the first of them."""
    for note in read.notes:
        tell(f"warning: {case.case_id}: {note}")
    shown_as = case.case_id if settings.in_this_process else None
    prediction = predictor.predict(read.images, read.organ, str(case.path), shown_as=shown_as)
    for note in prediction.notes:
        if note not in read.notes:
            tell(f"warning: {case.case_id}: {note}")
    # It speaks of the files that were there before, of which a kill from now on leaves some.
    remove(settings.output / record_file(case))
    for name, content in beside.items():
        write_whole(settings.output / name, content)
    if prediction.noise is not None:
        tell(f"{case.case_id}: {prediction.noise.in_words()}")
        write_json(settings.output / noise_file(case), prediction.noise.as_record())
    else:
        # Of a mask that was there before.
        remove(settings.output / noise_file(case))
    written = written_for(case, predictor.tasks, settings)
    every = {"probabilities": True, "class_probabilities": True, "uncertainty": True}
    for name in {*written_for(case, predictor.tasks, settings.model_copy(update=every))}.difference(written):
        # A map of an earlier prediction, as of another network, is none of this mask's.
        remove(settings.output / name)
    mask, *others = [settings.output / name for name in written]
    volumes = [prediction.probabilities] if settings.probabilities else []
    volumes += prediction.of_classes.values() if settings.class_probabilities else []
    volumes += [prediction.uncertainty] if prediction.uncertainty is not None else []
    for path, volume in zip(others, volumes, strict=True):
        write_volume(path, volume)
    write_volume(mask, prediction.mask if prediction.labels is None else prediction.labels)


def mask_file(case: InputCase) -> str:
    """Name of a case's mask."""
    return f"{case.case_id}.nii.gz"


def record_file(case: InputCase) -> str:
    """Name of the file that says what made a case's mask."""
    return f"{case.case_id}{RECORD_SUFFIX}"


def noise_file(case: InputCase) -> str:
    """Name of the file that says what was found of a case's noise and done about it."""
    return f"{case.case_id}_noise.json"


def written_for(case: InputCase, tasks: Tasks, settings: PredictSettings) -> list[str]:
    """Names of a case's files: its mask, and the probabilities and the uncertainty that are asked for."""
    told = [case.case_id] if settings.probabilities else []
    if settings.class_probabilities and tasks.tells_apart:
        told += [f"{case.case_id}_{name}" for name in tasks.segmented]
    maps = [f"{name}{PROBABILITIES_SUFFIX}" for name in told]
    maps += [f"{case.case_id}{UNCERTAINTY_SUFFIX}"] if settings.uncertainty else []
    return [mask_file(case), *(f"{name}.nii.gz" for name in maps)]


def made_before(plan: PredictionPlan, inputs: Inputs | HeldOutInputs, tasks: Tasks) -> Iterator[bool]:
    """Of one case after the other, whether its files are there already and would come out again.

    One whose CT or organ mask cannot be read is not: whoever segments it says why.

    Raises OSError for a network's file, and ValueError for a mask that other networks made: to go on would replace it.
    """
    folder, asked = plan.settings.output, plan.asked()
    networks = {path: fingerprint(path) for path in plan.checkpoints}
    for case in inputs.cases:
        its = [networks[path] for path in plan.networks_of(case.case_id)]
        record = record_of(folder / mask_file(case))
        if record is not None and not record.is_by(its):
            others = ", ".join(one.file for one in record.networks)
            raise ValueError(
                f"--resume: {folder / mask_file(case)} was made by other networks ({others}); choose another --output, "
                "or leave out --resume to make all masks anew"
            )
        there = all((folder / name).is_file() for name in written_for(case, tasks, plan.settings))
        try:
            made = there and record is not None and record.would_come_out_again(inputs.files_of(case), asked)
        except (ValueError, OSError):
            made = False
        yield made and not case.problem
