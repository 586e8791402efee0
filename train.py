"""Train a network on prepared cases.

    python train.py --config configs/paper.yaml --cases CASES --output runs/paper --fold 0
    python train.py --auto --cases CASES --output runs/mine               patch and network chosen for this machine
    python train.py --config configs/paper.yaml --cases CASES --output runs/paper --dry-run     what it will be and take
    python train.py --config configs/demo.yaml --train.epochs 5        any setting of the file can be overridden
    python train.py --config runs/paper/fold_0/config.yaml --resume    go on after an interruption

It says what it is going to train before its first step, and what a step takes after the first ones; --dry-run measures
that, and leaves nothing. SIGTERM (of SLURM, of kill) and Ctrl-C end it after the step it is at, with a checkpoint and
the command that goes on from there. Watch it with `tensorboard --logdir runs`. More in docs/training.md.
"""

from collections.abc import Sequence

from ramify.command_line import named_settings, parse, run
from ramify.training.settings import TrainCommand


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(TrainCommand, __doc__, argv)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.train import train

    train(command, named_settings(TrainCommand, argv) if command.auto else ())


if __name__ == "__main__":
    run(main)
