"""A store of anatomies: each grown from its seed, prepared as a case, and the cases parted into folds."""

from ramify.console.progress import followed, say
from ramify.console.signals import saying_what_is_kept
from ramify.data.case_store import DATASET_FILE, list_cases, prepare_store
from ramify.data.folds import SPLITS_FILE
from ramify.disk.outputs import Outputs, give_up
from ramify.disk.own_files import remove
from ramify.processes.crews import case_reports
from ramify.processes.folder_lock import held
from ramify.stages.preprocess import describe_splits
from ramify.synthesis.settings import SynthesisCommand
from ramify.synthesis.synthetic_case import SynthesisWork, lost


def synthesise(settings: SynthesisCommand) -> int:
    """Make all cases that are not there yet; 1 if one failed."""
    settings.check()
    store = settings.output
    with (
        saying_what_is_kept(lambda: f"{len(list_cases(store))} cases are in {store}; the same command goes on"),
        Outputs(replace=settings.replace) as outputs,
    ):
        outputs.claim_folder(store, "cases", given=[SPLITS_FILE])
        with held(store, "synthesise.py"):
            try:
                return fill_store(settings)
            finally:
                if not list_cases(store):
                    remove(store / DATASET_FILE)
                    give_up(store)


def fill_store(settings: SynthesisCommand) -> int:
    """The same in a store that is held."""
    store, case_ids = settings.output, settings.case_ids()
    prepare_store(store, settings.what_shapes_a_case())
    seeds = {case_id: settings.first_seed + number for number, case_id in enumerate(case_ids)}
    work = SynthesisWork(store, seeds, settings.anatomy, settings.appearance, settings.preprocessing)
    found, failed = 0, 0
    for report in followed(case_reports(work, case_ids, settings, lost), "anatomies", "case", len(case_ids)):
        found += report.found
        if report.error:
            failed += 1
            say(f"error: {report.error}", error=True)
    if failed:
        print(f"{failed} of {len(case_ids)} cases failed; no splits are made until all of them are there")
        return 1
    print(f"cases:    {len(case_ids)} in {store}" + (f" ({found} found there already)" if found else ""))
    print(f"splits:   {describe_splits(store, settings.folds)}")
    return 0
