"""Train a network on prepared cases.

    python train.py --config configs/paper.yaml --cases CASES --output runs/paper --fold 0
    python train.py --config configs/demo.yaml --train.epochs 5        any setting of the file can be overridden
    python train.py --config runs/paper/fold_0/config.yaml --resume    go on after an interruption

SIGTERM (of SLURM, of kill) and Ctrl-C end it after the step it is at, with a checkpoint to go on from. Watch it with
`tensorboard --logdir runs`. Every setting and its meaning: `python train.py --help`.
"""

from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.console.progress import say
from ramify.console.signals import Stopped, stop_at_a_good_moment
from ramify.training.breaks import TrainingStopped
from ramify.training.loop import train_run
from ramify.training.run_folder import folder_of
from ramify.training.settings import RunSettings


def main(argv: Sequence[str] | None = None) -> None:
    settings = parse(RunSettings, "Train a network on prepared cases, watched by TensorBoard.", argv)
    folder = folder_of(settings)
    if settings.resume and not folder.checkpoint("latest").exists():
        # A job that is queued again asks to resume from its first start on; who moved a run's folder should know.
        say(f"{folder.root}: holds no checkpoint to go on from, the training begins anew")
    with stop_at_a_good_moment() as asked:
        try:
            folder = train_run(settings, stop=asked)
        except TrainingStopped as stopped:
            # Another process of a distributed training may have been asked, and not this one.
            raise Stopped.by(asked() or "SIGTERM", str(stopped)) from None
    print(f"checkpoints: {folder.root / 'checkpoints'}")
    print(f"history:     {folder.root / 'history.csv'}")
    print(f"TensorBoard: tensorboard --logdir {folder.tensorboard}")


if __name__ == "__main__":
    run(main)
