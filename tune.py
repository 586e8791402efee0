"""Search the settings of a training that score best on inner folds; the outer fold's validation cases are never seen.

    python tune.py --config configs/demo.yaml --space configs/tuning/paper.yaml --study paper \\
        --output output/studies --trials 50 --workers 2
    python tune.py ... --study paper --trials 80                  the same name goes on, to 80 trials in all
    python tune.py ... --storage postgresql://user@host/studies   on as many machines as you like
    python train.py --config output/studies/paper/best.yaml       train with what was found

More in docs/tuning.md, and in docs/training.md for the settings of the training.
"""

from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.tuning.settings import StudySettings


def main(argv: Sequence[str] | None = None) -> None:
    settings = parse(StudySettings, __doc__, argv)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.tune import tune

    tune(settings)


if __name__ == "__main__":
    run(main)
