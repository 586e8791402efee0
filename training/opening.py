"""A run opened by all ranks together: the first one's state is everybody's, or nobody begins."""

from ramify.training.checkpoint_record import Checkpoint
from ramify.training.distributed import Ranks
from ramify.training.run_folder import RunFolder, folder_of, open_run
from ramify.training.schedule import check_resumed_epochs
from ramify.training.settings import RunSettings


def open_together(settings: RunSettings, ranks: Ranks) -> tuple[RunFolder, Checkpoint | None]:
    """The run's folder as this rank sees it, and the state that all ranks go on from, if there is one.

    On several machines each may have an output folder of its own, and only the first rank writes into its. Its
    checkpoint is handed to all others.

    Raises:
        ValueError, OSError: as `open_run`, on every rank where any rank meets it; more is done elsewhere than in the
            first rank's folder; another number of epochs than the schedule allows.
    """
    if ranks.world == 1:
        return _open(settings)
    folder, state, refusal = folder_of(settings), None, None
    try:
        folder, state = _open(settings)
    except (ValueError, OSError) as error:
        refusal = str(error)
    refusals, progress = zip(*ranks.gathered((refusal, _progress(state))))
    if first := next((each for each in refusals if each is not None), None):
        raise ValueError(first)
    if max(progress) > progress[0]:
        ahead = progress.index(max(progress))
        raise ValueError(
            f"{folder.root}: process {ahead} has a checkpoint of epoch {progress[ahead][0]} there, the first process "
            "(which writes them) an earlier one or none; share --output among the machines, or start first the one "
            "that has it"
        )
    return folder, ranks.of_first(state)


def _progress(state: Checkpoint | None) -> tuple[int, int]:
    """Epochs finished, and steps of the next one; less than nothing where there is no checkpoint."""
    return (-1, 0) if state is None else (state["epoch"], state.get("step", 0))


def _open(settings: RunSettings) -> tuple[RunFolder, Checkpoint | None]:
    folder, state = open_run(settings)
    if state is not None:
        try:
            planned = state["config"]["train"]["epochs"]
            epochs, steps = _progress(state)
            check_resumed_epochs(settings.train.schedule, planned, epochs, settings.train.epochs, steps)
        except ValueError as error:
            raise ValueError(f"{folder.root}: {error}") from None
    return folder, state
