"""A prediction: networks found, inputs read, every CT segmented and its masks written."""

from collections.abc import Mapping

from ramify.console.alike import AlikeLines
from ramify.console.error_line import line_of, out_of_memory
from ramify.console.progress import followed, say
from ramify.console.signals import saying_what_is_kept
from ramify.data.channel_files import InputCase
from ramify.data.clean_up_note import CLEAN_UP, check_same_clean_up
from ramify.data.files import write_volume
from ramify.data.input_reading import Inputs, ReadInput
from ramify.data.inputs import name_taken
from ramify.data.mask_folders import PROBABILITIES_SUFFIX, UNCERTAINTY_SUFFIX
from ramify.data.reading_ahead import read_ahead
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import write_json
from ramify.disk.outputs import Outputs
from ramify.disk.own_files import remove
from ramify.processes.folder_lock import held
from ramify.tasks.formulation import Tasks
from ramify.training.clean_up import clean_up_of
from ramify.training.legend import legend_of
from ramify.training.prediction_settings import PredictSettings
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints


def predict(settings: PredictSettings) -> int:
    """Segment every CT; 1 if one failed."""
    with saying_what_is_kept(lambda: "nothing is written; the same command begins anew"):
        return predict_all(settings)


def predict_all(settings: PredictSettings) -> int:
    """Read networks and inputs, and segment; 1 if a CT failed."""
    checkpoints = find_checkpoints(settings.checkpoint, settings.weights)
    clean_up = clean_up_of(checkpoints) if settings.clean_up else None
    predictor = Predictor(
        checkpoints,
        settings.device,
        settings.inference,
        settings.mirror,
        uncertainty=settings.uncertainty,
        precision=settings.precision,
        clean_up=clean_up,
        noise=settings.noise,
    )
    inputs = Inputs(settings, predictor.source)
    for warning in [*predictor.remarks(), *inputs.warnings]:
        say(f"warning: {warning}", error=True)
    if called := name_taken(settings.input, inputs.cases):
        say(called)
    names = [name for case in inputs.cases for name in written_for(case, predictor.tasks, settings)]
    if predictor.looks_at_noise:
        names += [noise_file(case) for case in inputs.cases]
    beside = dict(legend_of(predictor.tasks))
    if clean_up is not None and clean_up.rules:
        say(f"cleaned up: {clean_up.in_words()}")
        beside[CLEAN_UP] = clean_up.beside_masks()
    check_same_clean_up(settings.output, beside.get(CLEAN_UP), names)
    with Outputs(*inputs.places, settings.checkpoint, replace=settings.replace) as outputs:
        outputs.claim_folder(settings.output, "predictions", [*names, *beside])
        if CLEAN_UP not in beside:
            # Of masks that were there before.
            remove(settings.output / CLEAN_UP)
        return predict_cases(inputs, predictor, settings, beside)


def predict_cases(inputs: Inputs, predictor: Predictor, settings: PredictSettings, beside: Mapping[str, str]) -> int:
    """Segment all CTs; 1 if one failed.

    beside: files to lie beside the masks, name -> content.
    """
    cases = inputs.cases
    if cost := predictor.cost():
        say(cost)
    if settings.organ is None and predictor.needs_organ():
        say("no --organ given: the whole volume is segmented, at the voxel size the network was trained on")
    done, failed, errors = 0, 0, AlikeLines()
    with saying_what_is_kept(lambda: f"{what_is_done(done, len(cases), settings)}; the same command segments all anew"):
        reading = read_ahead(cases, inputs.read, ahead=settings.read_ahead)
        for case, read in followed(reading, "predict", "case", len(cases)):
            try:
                # Jobs of a cluster may each take some of the cases to one folder.
                with held(settings.output, "predict.py", case.case_id):
                    predict_case(case, read(), predictor, settings, {} if done else beside)
                done += 1
            except (ValueError, OSError) as error:
                # One bad case must not cost the others.
                failed += 1
                if errors.is_new(case.case_id, line_of(error)):
                    say(f"error: {case.case_id}: {line_of(error)}", error=True)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                failed += 1
                remedy = "use a smaller --inference.window or fewer --inference.windows-at-once"
                say(f"error: {case.case_id}: out of memory: {remedy} ({line_of(error)})", error=True)
    for line in errors.rest():
        say(f"error: {line}", error=True)
    print(what_is_done(done, len(cases), settings))
    return 1 if failed else 0


def what_is_done(done: int, count: int, settings: PredictSettings) -> str:
    """How many cases are segmented, in words."""
    return f"{done} of {count} cases segmented" + (f", masks in {settings.output}" if done else ", nothing is written")


def predict_case(
    case: InputCase, read: ReadInput, predictor: Predictor, settings: PredictSettings, beside: Mapping[str, str]
) -> None:
    """Segment one CT and write its mask, and what is to lie beside the masks before the first of them."""
    for note in read.notes:
        say(f"warning: {case.case_id}: {note}", error=True)
    prediction = predictor.predict(read.images, read.organ, str(case.path), shown_as=case.case_id)
    for note in prediction.notes:
        if note not in read.notes:
            say(f"warning: {case.case_id}: {note}", error=True)
    for name, content in beside.items():
        write_whole(settings.output / name, content)
    if prediction.noise is not None:
        say(f"{case.case_id}: {prediction.noise.in_words()}")
        write_json(settings.output / noise_file(case), prediction.noise.as_record())
    else:
        # Of a mask that was there before.
        remove(settings.output / noise_file(case))
    mask, *others = [settings.output / name for name in written_for(case, predictor.tasks, settings)]
    volumes = [prediction.probabilities] if settings.probabilities else []
    volumes += prediction.of_classes.values() if settings.class_probabilities else []
    volumes += [prediction.uncertainty] if prediction.uncertainty is not None else []
    for path, volume in zip(others, volumes, strict=True):
        write_volume(path, volume)
    write_volume(mask, prediction.mask if prediction.labels is None else prediction.labels)


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
    return [f"{name}.nii.gz" for name in (case.case_id, *maps)]
