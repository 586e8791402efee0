"""A training, from its settings to its checkpoints."""

import shlex
import time
from collections.abc import Collection

from ramify.command_line.called import called
from ramify.console.progress import duration, say
from ramify.console.signals import Stopped, saying_what_is_kept, stop_at_a_good_moment
from ramify.planning.choices import Choice
from ramify.training.breaks import TrainingStopped
from ramify.training.distributed import started_processes
from ramify.training.loop import train_run
from ramify.training.planned import planned
from ramify.training.rehearsal import dry_run
from ramify.training.run_folder import RunFolder, folder_of
from ramify.training.settings import TrainCommand


def train(command: TrainCommand, named: Collection[str] = ()) -> None:
    """Train, and say where everything is; or look at what the training would be.

    named: settings by dotted keys that `auto` leaves as they are.
    """
    settings, choices = command.training(), list[Choice]()
    if command.auto:
        settings, choices = planned(settings, named, command.device_memory)
    folder = folder_of(settings)
    if command.dry_run:
        with saying_what_is_kept(lambda: "a dry run writes nothing"):
            dry_run(settings, say, choices, here=command.device_memory is None or command.device == "cpu")
        return
    if settings.resume and not folder.checkpoint("latest").exists():
        # A job that is queued again asks to resume from its first start on; who moved a run's folder should know.
        say(f"{folder.root}: holds no checkpoint to go on from, the training begins anew")
    with saying_what_is_kept(lambda: kept(folder)), stop_at_a_good_moment() as asked:
        try:
            folder = train_run(settings, stop=asked, tell=say, choices=choices)
        except TrainingStopped as stopped:
            # Another process of a distributed training may have been asked, and not this one.
            raise Stopped.by(asked() or "SIGTERM", f"{stopped}; {how_to_go_on(folder)}") from None
    print(f"checkpoints: {folder.root / 'checkpoints'}")
    print(f"history:     {folder.root / 'history.csv'}")
    if (course := folder.root / "progress.png").exists():
        print(f"course:      {course}")
    print(f"TensorBoard: tensorboard --logdir {folder.tensorboard}")


def kept(folder: RunFolder) -> str:
    """What there is of a training that was ended at once, without another checkpoint."""
    latest = folder.checkpoint("latest")
    if not latest.exists():
        return f"{folder.root}: nothing was saved yet; {how_to_go_on(folder)}"
    age = duration(max(0.0, time.time() - latest.stat().st_mtime))
    return f"{latest} is {age} old, what came after it is lost; {how_to_go_on(folder)}"


def how_to_go_on(folder: RunFolder) -> str:
    """The command that goes on with a training, or begins it where nothing was saved."""
    if not folder.checkpoint("latest").exists():
        return "the same command begins anew"
    config = shlex.quote(str(folder.root / "config.yaml"))
    if started_processes() > 1:
        # Who runs several processes knows how they are started, on one machine or on many.
        return f"go on with --config {config} --resume, in as many processes"
    return f"go on with: {' '.join(called('train'))} --config {config} --resume"
