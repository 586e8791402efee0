"""A prediction: networks found, inputs read, every CT segmented and its masks written."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ramify.console.alike import AlikeLines
from ramify.console.progress import followed, say
from ramify.console.signals import saying_what_is_kept
from ramify.data.channel_files import InputCase
from ramify.data.clean_up_note import CLEAN_UP, check_same_clean_up
from ramify.data.input_reading import Inputs
from ramify.data.inputs import name_taken
from ramify.data.prediction_record import RECORD_SUFFIX
from ramify.data.provenance import versions
from ramify.data.reading_ahead import read_ahead
from ramify.disk.ledger import ledger_of
from ramify.disk.outputs import Outputs
from ramify.disk.own_files import remove
from ramify.processes.crew import Processes
from ramify.processes.crews import case_reports
from ramify.stages.failures import failures_file, write_failures
from ramify.tasks.formulation import Tasks
from ramify.training.case_prediction import (
    Networks,
    PredictionPlan,
    Segmented,
    Segmenter,
    lost,
    made_before,
    noise_file,
    record_file,
    written_for,
)
from ramify.training.clean_up import CleanUp, clean_up_of
from ramify.training.held_out import held_out_of
from ramify.training.held_out_inputs import HeldOutInputs
from ramify.training.legend import legend_of
from ramify.training.prediction_settings import PredictSettings
from ramify.training.run_folder import find_checkpoints

NOTHING = ", nothing is written"
GOES_ON = "the same command segments all anew, with --resume what is not there yet"


def predict(settings: PredictSettings) -> int:
    """Segment every CT; 1 if one failed."""
    with saying_what_is_kept(lambda: "nothing is written; the same command begins anew"):
        return predict_all(settings)


def predict_all(settings: PredictSettings) -> int:
    """Read networks and inputs, and segment; 1 if a CT failed."""
    checkpoints = find_checkpoints(settings.checkpoint, settings.chosen_weights)
    plan = plan_of(checkpoints, settings)
    # Where others segment, this process looks at the networks alone: it may stand on a machine without a GPU.
    networks = plan.networks(settings.device if settings.in_this_process else "cpu")
    predictor, clean_up = networks.first, plan.clean_up
    inputs = HeldOutInputs(settings, plan.folds) if plan.folds else Inputs(settings, predictor.source)
    inputs.keep(settings.chosen([case.case_id for case in inputs.cases]))
    if settings.resume:
        leave_out_what_is_made(plan, inputs, predictor.tasks)
    case_ids = [case.case_id for case in inputs.cases]
    warnings = [*predictor.remarks(), *inputs.warnings]
    if plan.folds:
        of = "1 fold" if len(plan.folds) == 1 else f"{len(plan.folds)} folds"
        say(f"held out: {len(case_ids)} cases of {of}, each by the network that did not see it")
    elif line := predictor.seen.by_name(case_ids):
        warnings.append(line)
    for warning in warnings:
        say(f"warning: {warning}", error=True)
    if settings.input is not None and (called := name_taken(settings.input, inputs.cases)):
        say(called)
    names = [name for case in inputs.cases for name in written_for(case, predictor.tasks, settings)]
    names += [record_file(case) for case in inputs.cases]
    if predictor.looks_at_noise:
        names += [noise_file(case) for case in inputs.cases]
    names.append(failures_file(settings.shard))
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
        if cost := predictor.cost():
            say(cost)
        if not plan.folds and settings.organ is None and predictor.needs_organ():
            say(
                "no --organ given: the whole volume is segmented, at the voxel size the network was trained on; of "
                "what lies outside the organ it has learned nothing"
            )
        segmenter = Segmenter(inputs, plan, beside)
        if settings.in_this_process:
            cases = segmented_here(segmenter, inputs.cases, networks, settings)
        else:
            del networks, predictor
            cases = case_reports(segmenter, case_ids, settings, lost, Processes(takes_gpu=settings.device != "cpu"))
        return follow(cases, len(case_ids), settings)


def plan_of(checkpoints: Sequence[Path], settings: PredictSettings) -> PredictionPlan:
    """Which networks segment the cases: all together, or of the run's own cases each the one that did not see it."""
    clean_up: CleanUp | None = clean_up_of(checkpoints) if settings.clean_up else None
    if not settings.held_out:
        return PredictionPlan(tuple(checkpoints), settings, clean_up)
    if clean_up is not None and clean_up.rules:
        say("note: --held-out: masks are not cleaned up, as that was learned on these very cases", error=True)
    return PredictionPlan(tuple(checkpoints), settings, None, tuple(held_out_of(checkpoints, settings.cases)))


def leave_out_what_is_made(plan: PredictionPlan, inputs: Inputs | HeldOutInputs, tasks: Tasks) -> None:
    """Of the inputs, leave out the cases that would come out as they are there already, and say how many."""
    every = [case.case_id for case in inputs.cases]
    made = [*followed(made_before(plan, inputs, tasks), "compare with what is there", "case", len(every))]
    inputs.keep([case_id for case_id, is_there in zip(every, made, strict=True) if not is_there])
    say(f"resumed: {sum(made)} of {len(every)} cases are in {plan.settings.output} already, made in the same way")
    if versions()["commit"].endswith("-dirty"):
        say(
            "note: the code has changes without a commit; masks made with other such changes count as the same",
            error=True,
        )


def segmented_here(
    segmenter: Segmenter, cases: Sequence[InputCase], networks: Networks, settings: PredictSettings
) -> Iterator[Segmented]:
    """Each case in its order, segmented in this process while the next one is read."""
    for case, read in read_ahead(cases, segmenter.read, ahead=settings.read_ahead):
        yield segmenter.segment(case, read, networks, tell)


def tell(line: str) -> None:
    """A line on a case, where its kind goes."""
    say(line, error=line.startswith("warning"))


def follow(cases: Iterator[Segmented], count: int, settings: PredictSettings) -> int:
    """Tell what becomes of every case as it is done; 1 if one failed."""
    done, errors = 0, AlikeLines()
    failed: dict[str, str] = {}
    with saying_what_is_kept(lambda: f"{what_is_there(done, count, settings)}; {GOES_ON}"):
        for case in followed(cases, "predict", "case", count):
            for line in case.lines:
                tell(line)
            if not case.error:
                done += 1
                continue
            failed[case.case_id] = case.error
            if errors.is_new(case.case_id, case.error):
                say(f"error: {case.case_id}: {case.error}", error=True)
    for line in errors.rest():
        say(f"error: {line}", error=True)
    ledger = ledger_of(settings.output.resolve())
    # An earlier call's table is of another state of things; a folder to which nothing came goes.
    if done or (ledger is not None and not ledger.is_empty()):
        write_failures(settings.output / failures_file(settings.shard), failed)
    print(what_is_done(done, count, settings))
    return 1 if failed else 0


def what_is_done(done: int, count: int, settings: PredictSettings) -> str:
    """How many cases are segmented, in words."""
    if count == 0:
        return "no case is left to segment"
    return f"{done} of {count} cases segmented" + (f", masks in {settings.output}" if done else NOTHING)


def what_is_there(done: int, count: int, settings: PredictSettings) -> str:
    """The same where it was stopped, maybe while a case was being written."""
    told = what_is_done(done, count, settings)
    if not any(settings.output.glob("*.nii.gz")):
        return told
    return f"{told.removesuffix(NOTHING)}; a case without its {RECORD_SUFFIX} there is not whole"
