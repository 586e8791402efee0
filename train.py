"""Train a network on prepared cases.

    python train.py --config configs/paper.yaml --cases CASES --output runs/paper --fold 0
    python train.py --config configs/demo.yaml --train.epochs 5        any setting of the file can be overridden
    python train.py --config runs/paper/fold_0/config.yaml --resume    go on after an interruption

Watch it with `tensorboard --logdir runs`. Every setting and its meaning: `python train.py --help`.
"""

from collections.abc import Sequence

from command_line import parse, run
from training.loop import train_run
from training.settings import RunSettings


def main(argv: Sequence[str] | None = None) -> None:
    settings = parse(RunSettings, "Train a network on prepared cases, watched by TensorBoard.", argv)
    folder = train_run(settings)
    print(f"checkpoints: {folder.root / 'checkpoints'}")
    print(f"history:     {folder.root / 'history.csv'}")
    print(f"TensorBoard: tensorboard --logdir {folder.tensorboard}")


if __name__ == "__main__":
    run(main)
